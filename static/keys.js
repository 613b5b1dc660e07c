// Single-key shortcuts. Never inside a field, and they can be switched off (WCAG 2.1.4).

import { write } from "./compose.js";

const STORED = "baton-keys-off";

function move(step) {
  const rows = [...document.querySelectorAll("a.row")];
  if (!rows.length) return;
  const focused = rows.indexOf(document.activeElement);
  const from = focused >= 0 ? focused : rows.findIndex((row) => row.hasAttribute("aria-current"));
  const to = from < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, from + step));
  rows[to].focus();
  rows[to].scrollIntoView({ block: "nearest" });
}

function press(key) {
  document.querySelector(`#moves [data-key="${key}"]`)?.click();
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  r: () => write("reply"),
  n: () => write("note"),
  t: () => press("t"),
  q: () => press("q"),
  b: () => press("b"),
  e: () => press("e"),
  s: () => press("s"),
  "?": () => document.getElementById("keys").showModal(),
};

export function keys() {
  const on = document.getElementById("keys-on");
  on.checked = !localStorage.getItem(STORED);
  on.addEventListener("change", () => (on.checked ? localStorage.removeItem(STORED) : localStorage.setItem(STORED, "1")));
  document.querySelector("[data-open-keys]").addEventListener("click", actions["?"]);
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !on.checked) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
