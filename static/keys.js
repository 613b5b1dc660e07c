// Shortcuts, by what is typed and not by where the key is. Never inside a field; those of one key can be switched off (WCAG 2.1.4).
// Which key does what stands in the help, which the server makes of one table.

const openCommands = async () => (await import("./command.js")).openCommands();

const PATIENCE = 1500;

const dialog = (id) => document.getElementById(id);
let typed = [];
let last = 0;

function move(step) {
  const rows = [...document.querySelectorAll("a.row")];
  if (!rows.length) return;
  const focused = rows.indexOf(document.activeElement?.closest("li")?.querySelector("a.row"));
  const from = focused >= 0 ? focused : rows.findIndex((row) => row.hasAttribute("aria-current"));
  const to = from < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, from + step));
  rows[to].focus();
  rows[to].scrollIntoView({ block: "nearest" });
}

/** Opens whatever it is hidden in: a sheet, or the other half of the composer. */
export function reveal(element) {
  const half = element.id.endsWith("-text") && document.getElementById(`mode-${element.id.slice(0, -5)}`);
  if (half) half.checked = true;
  // On a small screen the side is a drawer.
  if (element.closest("#context")?.checkVisibility() === false) location.hash = "context";
  for (let box = element.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
}

/** Presses a button, follows a link, opens a sheet; goes into a field. */
export function press(element) {
  if (element.matches("summary")) {
    element.parentElement.open = true;
    const first = element.parentElement.querySelector("input:not([type=hidden]), textarea, select, button, a[href]");
    return (first ?? element).focus();
  }
  if (element.matches("input, textarea, select")) {
    reveal(element);
    return element.focus();
  }
  // What does nothing now says why.
  if (element.getAttribute("aria-disabled") === "true") return element.focus();
  element.click();
}

function does({ does: what, with: whom, keys }) {
  if (what === "move") return move(Number(whom));
  const own = document.querySelector(`[data-key="${CSS.escape(keys)}"]`);
  const found = own ?? (whom && document.querySelector(whom));
  if (!found) return;
  if (what === "open") return whom === "#command" ? openCommands() : found.showModal();
  if (own || what === "press") return press(found);
  reveal(found);
  found.focus();
}

/** The shortcut that is typed now, or whether one begins like that. */
function match(key, single) {
  const now = performance.now();
  typed = now - last < PATIENCE ? [...typed, key] : [key];
  last = now;
  const all = [...document.querySelectorAll("#keys [data-keys]")].filter((entry) => entry.hasAttribute("data-single") === single);
  const fits = (entry) => entry.dataset.keys.split(" ").slice(0, typed.length).join(" ") === typed.join(" ");
  let candidates = all.filter(fits);
  if (!candidates.length && typed.length > 1) {
    typed = [key];
    candidates = all.filter(fits);
  }
  const exact = candidates.find((entry) => entry.dataset.keys === typed.join(" "));
  if (exact || !candidates.length) typed = [];
  return exact ?? candidates.length > 0;
}

function escape(target) {
  if (document.querySelector("dialog[open], details.menu[open]")) return;
  if (target.matches("input, textarea, select")) return target.blur();
  if (target.closest("#list")) return;
  (document.querySelector("a.row[aria-current]") ?? document.querySelector("a.row"))?.focus();
}

function pressed(event) {
  if (event.isComposing || event.defaultPrevented) return;
  const { target } = event;
  if (event.key === "Escape") return escape(target);
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openCommands();
  }
  const busy = target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog");
  if (busy || event.ctrlKey || event.metaKey || event.altKey || document.body.hasAttribute("data-keys-off")) return;
  const key = event.getModifierState("CapsLock") && !event.shiftKey ? event.key.toLowerCase() : event.key;
  const found = key.length === 1 && key !== " " && match(key, true);
  if (!found) return;
  event.preventDefault();
  if (found !== true && (!event.repeat || found.dataset.does === "move")) does(found.dataset);
}

/** Keeps whether single keys are on. */
async function keep(form, box) {
  document.body.toggleAttribute("data-keys-off", !box.checked);
  const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (answer?.ok) return;
  box.checked = !box.checked;
  document.body.toggleAttribute("data-keys-off", !box.checked);
}

export function keys() {
  const box = document.getElementById("keys-on");
  box?.addEventListener("change", () => keep(box.form, box));
  document.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-opens]");
    if (opener) {
      // What is closed later gives the focus back to what had it: not to a button in a menu that is gone.
      const menu = opener.closest("details.menu");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      dialog(opener.dataset.opens).showModal();
    }
  });
  document.addEventListener("keydown", pressed);
}
