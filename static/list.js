// The list: what changes comes in without moving a row that somebody points at, has the focus on, or has scrolled to. It is announced instead.
import { morph } from "./morph.js";

const list = document.getElementById("list");
const ids = (root) => [...root.querySelectorAll("#rows > li")].map(({ id }) => id);
let waiting;

const watched = () => list.matches(":hover") || list.contains(document.activeElement) || list.scrollTop > 0;

function settle() {
  if (!waiting) return;
  morph(list, waiting);
  waiting = undefined;
}

function announce(count) {
  const bar = document.getElementById("fresh");
  const button = bar.querySelector("button") ?? bar.appendChild(document.createElement("button"));
  button.type = "button";
  button.textContent = count ? bar.dataset.words.replace("{count}", count) : bar.dataset.changed;
}

/** Shows a list that was fetched, now or when nobody's row moves by it. */
export function showList(fresh) {
  const [before, after] = [ids(list), ids(fresh)];
  const still = before.length === after.length && before.every((id, index) => id === after[index]);
  waiting = fresh;
  if (still || !before.length || !watched()) return settle();
  for (const row of list.querySelectorAll("#rows > li")) {
    const now = fresh.querySelector(`#${CSS.escape(row.id)}`);
    if (now) morph(row, now);
    else row.classList.add("gone");
  }
  announce(after.filter((id) => !before.includes(id)).length);
}

list?.addEventListener("click", ({ target }) => {
  if (!target.closest("#fresh button")) return;
  settle();
  list.scrollTop = 0;
  list.querySelector("a.row")?.focus();
});
const left = () => requestAnimationFrame(() => watched() || settle());
list?.addEventListener("pointerleave", left);
list?.addEventListener("focusout", left);
