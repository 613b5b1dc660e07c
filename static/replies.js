// Saved replies: a slash at the start of a word opens a list to search; what is chosen goes where the cursor was, as often as one likes.

const BLANK = /\{[a-z0-9_]+\}/;

let replies;
let from = null;

const box = () => document.getElementById("replies");
const find = () => document.getElementById("replies-find");
const list = () => document.getElementById("replies-list");
const area = () => document.getElementById("reply-text");
const chosen = () => list().querySelector('[aria-selected="true"]');

async function load() {
  const answer = await fetch(box().dataset.from, { headers: { "X-Baton-Fragment": "1" } });
  return answer.ok ? answer.json() : undefined;
}

/** Every word of the search begins a word of the title, shortcut, category or text. */
function matches(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const begins = (text, word) => text.toLowerCase().split(/[\s/]+/).some((part) => part.startsWith(word));
  const rank = (reply) => (words.length && reply.shortcut.startsWith(words[0]) ? 0 : 1);
  const fits = (reply) => words.every((word) => [reply.shortcut, reply.title, reply.category, reply.text].some((text) => begins(text, word)));
  return (replies ?? []).filter(fits).sort((one, other) => rank(one) - rank(other)).slice(0, 30);
}

function option(reply, index) {
  const item = document.createElement("li");
  item.id = `saved-${index}`;
  item.setAttribute("role", "option");
  const title = document.createElement("b");
  const where = document.createElement("span");
  const text = document.createElement("p");
  title.textContent = reply.title;
  where.textContent = [reply.category, reply.shortcut && `/${reply.shortcut}`, reply.files && `📎 ${reply.files}`].filter(Boolean).join(" · ");
  text.textContent = reply.text;
  item.append(title, where, text);
  item.reply = reply;
  return item;
}

function render() {
  const found = matches(find().value).map(option);
  list().replaceChildren(...found);
  box().querySelector("[data-none]").hidden = found.length > 0;
  choose(found[0]);
}

function choose(item) {
  chosen()?.setAttribute("aria-selected", "false");
  item?.setAttribute("aria-selected", "true");
  item?.scrollIntoView({ block: "nearest" });
  if (item) find().setAttribute("aria-activedescendant", item.id);
  else find().removeAttribute("aria-activedescendant");
}

/** `start`: where the slash stands, if one was typed. */
async function open(start) {
  if (!box() || area()?.readOnly) return;
  from = { start: start ?? area().selectionStart, end: start === undefined ? area().selectionEnd : start + 1, slash: start !== undefined };
  box().hidden = false;
  find().value = "";
  find().focus();
  replies ??= await load().catch(() => undefined);
  render();
}

/** Back to the text; what was searched for stays in it unless something was chosen. */
function close(text) {
  if (box().hidden) return;
  box().hidden = true;
  const kept = text ?? (from.slash ? `/${find().value}` : null);
  if (kept === null) return area().focus();
  area().focus();
  area().setRangeText(kept, from.start, from.end, "end");
  area().dispatchEvent(new Event("input", { bubbles: true }));
  if (text !== undefined) blank(from.start);
}

function insert(reply) {
  close(reply.text);
  if (reply.files) import("./files.js").then(({ attachReply }) => attachReply(reply));
}

/** Puts the cursor on the next thing to be filled in. Whether there is one. */
function blank(after = 0) {
  const found = BLANK.exec(area().value.slice(after));
  if (!found) return false;
  area().focus();
  area().setSelectionRange(after + found.index, after + found.index + found[0].length);
  return true;
}

let warned = "";
/** Whether a text may go: one that still has something to fill in is asked about once. */
export function complete(form) {
  if (form.id !== "reply" || !box() || area().value === warned || !blank()) return true;
  warned = area().value;
  return box().dataset.blank;
}

function press(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (step) choose(chosen()?.[step] ?? chosen());
  else if (event.key === "Enter") chosen() && insert(chosen().reply);
  else if (event.key === "Escape") close();
  else if (event.key === "Backspace" && !find().value && from.slash) close("");
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function savedReplies() {
  document.addEventListener("input", (event) => {
    if (event.target === find()) return replies && render();
    if (event.target !== area() || event.data !== "/" || event.isComposing) return;
    const at = area().selectionStart - 1;
    if (at === 0 || /\s/.test(area().value[at - 1])) open(at);
  });
  document.addEventListener("keydown", (event) => event.target === find() && !event.isComposing && press(event), true);
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-open-replies]")) return open();
    const item = target.closest?.("#replies-list li");
    if (item) insert(item.reply);
    else if (box() && !box().hidden && !target.closest?.("#replies")) close();
  });
}
