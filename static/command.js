// The command bar: everything that can be pressed, followed or chosen on this page, by its name.
import { press } from "./keys.js";

const SHOWN = 200;

const bar = document.getElementById("command");
const text = document.getElementById("command-text");
const list = document.getElementById("commands");
const count = document.getElementById("command-count");

const clean = (words) => words.replace(/\s+/g, " ").trim();
const bare = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** What it is called: its own words, without those that only eyes skip. */
function name(element) {
  const own = element.dataset.command ?? element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  return clean(own || element.title || element.placeholder || "").slice(0, 90);
}

/** Where it belongs: the sheet or the part of the page it is in. */
function place(element) {
  const sheet = element.closest("details.menu")?.querySelector("summary");
  if (sheet && sheet !== element) return name(element.closest("form")?.querySelector("p.label") ?? sheet);
  const part = element.closest("[aria-label], [aria-labelledby]:not(body)");
  const title = part?.getAttribute("aria-label") ?? document.getElementById(part?.getAttribute("aria-labelledby"))?.firstChild?.textContent;
  return clean(title ?? "");
}

const SOURCES = [
  "#moves button, #moves summary",
  "main button, main summary, main textarea, main .tags a",
  ".views a",
  ".top button, .top summary, .top a, .top input:not([type=hidden])",
  "nav a, nav button, aside a, aside button, aside summary",
  "#list .pager a, #list button, #list summary",
  "main a.button, main .pager a, main.settings a",
  "a.row",
];

function collect() {
  const found = new Map();
  for (const source of SOURCES) {
    for (const element of document.querySelectorAll(source)) {
      if (found.has(element) || element.closest("dialog, [hidden]") || (element.closest(".message") && !element.matches(".again")) || element.matches(".menu textarea") || element.matches(".skip, .close-context")) continue;
      const words = element.matches("a.row") ? clean(element.querySelector(".name").textContent) : name(element);
      if (!words) continue;
      const why = element.getAttribute("aria-disabled") === "true" ? element.title : "";
      found.set(element, { words, place: place(element), key: element.dataset.key, why, run: () => element.isConnected && press(element) });
    }
  }
  for (const option of document.querySelectorAll(".top select option, .top datalist option, #tag-add option:not([value=''])")) {
    const { form } = option.closest("select");
    const run = () => ((option.selected = true), form.requestSubmit());
    found.set(option, { words: clean(option.textContent), place: name(option.closest("select")), why: "", run });
  }
  return [...found.values()];
}

let commands = [];
let present = [];
let chosen = 0;

/** Every word that is typed begins a word of the command. Names that begin with it come first. */
function fitting(typed) {
  const words = bare(typed).split(" ").filter(Boolean);
  const rank = ({ words: own, place: where }) => {
    const all = ` ${bare(`${own} ${where}`).replace(/[^\p{L}\p{N}]+/gu, " ")}`;
    if (!words.every((word) => all.includes(` ${word}`))) return -1;
    return bare(own).startsWith(words[0] ?? "") ? 1 : 0;
  };
  const ranked = commands.map((command) => [rank(command), command]).filter(([score]) => score >= 0);
  return [...ranked.filter(([score]) => score), ...ranked.filter(([score]) => !score)].map(([, command]) => command).slice(0, SHOWN);
}

function entry({ words, place: where, key, why }, index) {
  const item = document.createElement("li");
  item.id = `command-${index}`;
  item.setAttribute("role", "option");
  if (why) item.setAttribute("aria-disabled", "true");
  const part = (tag, content, kind) => {
    if (!content) return;
    const element = item.appendChild(document.createElement(tag));
    element.textContent = content;
    element.className = kind;
  };
  part("span", words, "what");
  part("span", why || where, why ? "why-not" : "where");
  part("kbd", key, "");
  return item;
}

function choose(index) {
  chosen = (index + present.length) % (present.length || 1);
  for (const [at, item] of [...list.children].entries()) {
    if (item.role !== "option") continue;
    item.setAttribute("aria-selected", String(at === chosen));
    if (at === chosen) item.scrollIntoView({ block: "nearest" });
  }
  if (present.length) text.setAttribute("aria-activedescendant", `command-${chosen}`);
  else text.removeAttribute("aria-activedescendant");
}

function filter() {
  const typed = text.value.trim();
  present = fitting(typed);
  const search = document.querySelector("#ask, #search");
  if (typed && search) {
    const run = () => location.assign(`${search.form.getAttribute("action")}?${new URLSearchParams({ q: typed })}`);
    present.push({ words: bar.dataset.search.replace("{words}", typed), place: "", why: "", run });
  }
  list.replaceChildren(...present.map(entry));
  count.textContent = present.length ? bar.dataset.count.replace("{count}", present.length) : bar.dataset.none;
  choose(0);
}

function run(command) {
  if (!command || command.why) return;
  bar.close();
  command.run();
}

export function openCommands() {
  if (!bar || bar.open) return;
  document.querySelector("dialog[open]")?.close();
  commands = collect();
  text.value = "";
  filter();
  bar.showModal();
  text.focus();
}

text?.addEventListener("input", filter);
text?.addEventListener("keydown", (event) => {
  const steps = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: Math.min(chosen + 8, present.length - 1), PageUp: Math.max(chosen - 8, 0) };
  if (event.isComposing) return;
  if (event.key === "Enter") run(present[chosen]);
  else if (event.key in steps) choose(steps[event.key]);
  else return;
  event.preventDefault();
});
list?.addEventListener("click", ({ target }) => run(present[[...list.children].indexOf(target.closest("li"))]));
bar?.addEventListener("click", ({ target }) => target === bar && bar.close());
