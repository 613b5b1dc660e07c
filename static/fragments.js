// Fetches parts of the page from the server, which renders them with the same templates as whole pages.
import { morph } from "./morph.js";
import { showList } from "./list.js";

const PATIENCE = 20_000;
const LONGEST_REST = 400;
// Lines that were said aloud and stay.
const KEPT = 20;

const body = document.body;

/** Puts the elements of an answer in the place of those with the same ids. */
export function show(html, options) {
  const own = awaited || options?.sent !== undefined;
  const before = { position: position(), said: said(), lines: lines(), queued: Number(document.querySelector("[name=queued]")?.value) };
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const element of [...parsed.body.children]) {
    const present = element.id && document.getElementById(element.id);
    if (element.id === "list" && present) showList(element);
    else if (present) morph(present, element, options);
  }
  count();
  const isNew = (id) => (id[0] === "p" ? before.position < number(id) : before.lines.has(id) || before.queued < number(id));
  const messages = [...document.querySelectorAll("#timeline li.message.in")].filter(({ id }) => isNew(id));
  const changed = [...said()].filter(([id, words]) => before.said.get(id) !== words);
  // Lines are of what one sent oneself; the rest may be a colleague's doing.
  const became = changed.filter(([id]) => (/^[ps]\d/.test(id) ? before.said.has(id) || isNew(id) : own));
  if (options?.sent !== undefined || became.length) awaited = false;
  say([...became.map(([, words]) => words), ...messages.map(spoken)]);
}

const number = (id) => Number(id.slice(1));
const lines = () => new Set([...document.querySelectorAll("#timeline li")].map(({ id }) => id));

const position = () => Number(document.getElementById("thread")?.dataset.position);
const said = () => new Map([...document.querySelectorAll("[data-said]")].map(({ id, dataset }) => [id, dataset.said]));
const spoken = (message) => `${message.querySelector("p").textContent}: ${message.querySelector(".bubble").textContent.trim()}`;

/** New messages of the person, and what became of what was done, for those who cannot see it. */
function say(lines) {
  const heard = document.getElementById("heard");
  if (!heard) return;
  for (const words of lines) heard.appendChild(document.createElement("p")).textContent = words;
  while (heard.children.length > KEPT) heard.firstChild.remove();
}

/** The number of waiting conversations, in the title of the tab and on its icon. */
function count() {
  const waiting = document.querySelector(".view.needs .badge")?.textContent ?? "";
  const bare = document.title.replace(/^\(\d+\+?\) /, "");
  document.title = waiting ? `(${waiting}) ${bare}` : bare;
  const icon = document.querySelector("link[rel=icon]");
  const wanted = `${body.dataset.icon}${waiting && `?count=${parseInt(waiting)}`}`;
  if (body.dataset.icon && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  if (waiting) navigator.setAppBadge?.(parseInt(waiting)).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

// Forms sent and answered. What was asked for before the latest of them is older than what is on the page.
let acts = 0;
// What becomes of the latest has not been shown yet.
let awaited = false;

/** A form is sent, or answered: the number of acts so far. */
export function acted() {
  awaited = true;
  return (acts += 1);
}

/** Whether more has been done since. */
export const since = (act) => act !== acts;

async function load(url) {
  const before = acts;
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await fetch(url, { headers: { "X-Baton-Fragment": document.hidden ? "unseen" : "1" }, cache: "no-store", signal });
  if (answer.status === 401 || answer.status === 404) return location.reload();
  const html = await answer.text();
  if (since(before)) return true;
  if (answer.ok) show(html);
}

/** One fetch at a time; what is asked for meanwhile follows it once. A server that takes long gets time: twice what the fetch took. */
function oneAtATime(url) {
  let running = false;
  let again = false;
  return async function refresh() {
    if (!url()) return;
    if (running) return void (again = true);
    running = true;
    do {
      again = false;
      const began = performance.now();
      // A fetch that fails is no news: the live stream says that the connection is lost.
      again = (await load(url()).catch(() => {})) || again;
      await new Promise((rested) => setTimeout(rested, Math.min(2 * (performance.now() - began), LONGEST_REST)));
    } while (again);
    running = false;
  };
}

const list = oneAtATime(() => body.dataset.list);
export const refreshThread = oneAtATime(() => body.dataset.thread);

let settled;
/** Counts are cached for a second, so they are asked for once more after the last change. */
export function refreshList() {
  clearTimeout(settled);
  settled = setTimeout(list, 1300);
  return list();
}

export function refreshAll() {
  list();
  refreshThread();
}

// What came while nobody looked is read once somebody does.
document.addEventListener("visibilitychange", () => document.hidden || refreshAll());

count();
