// Drafts: what the server has is two seconds old at most, and up to date whenever a field is left. What it has not got yet is kept in the browser.

const PAUSE = 2000;
const AGAIN = 10_000;

const waiting = new WeakMap();
const running = new WeakMap();
const place = (form) => `baton-draft:${form.dataset.draft}`;
const area = (form) => form.querySelector("textarea");
const number = (text) => Number(text) || 0;

/** What the browser still has that the server has not got, unless it has been sent meanwhile or is older than what the server has. */
export function restore(form) {
  const kept = read(form);
  if (!kept) return;
  const { spent, spentEdits, savedAt } = form.dataset;
  const gone = kept.key === spent && kept.edits <= number(spentEdits);
  // The browser's clock may be wrong; of one text, what was changed more often is newer.
  const further = kept.key === form.elements.key.value && kept.edits > number(form.elements.edits.value);
  if (gone || !kept.text || (area(form).value && !further && kept.at < number(savedAt))) return localStorage.removeItem(place(form));
  if (kept.key !== spent) form.elements.key.value = kept.key;
  // Another device may have gone further.
  form.elements.edits.value = Math.max(kept.edits, number(form.elements.edits.value));
  area(form).value = kept.text;
  changed(form);
  later(form, 0);
}

function read(form) {
  try {
    return JSON.parse(localStorage.getItem(place(form)));
  } catch {
    return null;
  }
}

/** A text was changed. */
export function changed(form) {
  const { key, edits } = form.elements;
  edits.value = number(edits.value) + 1;
  const kept = { text: area(form).value, key: key.value, edits: number(edits.value), at: Date.now() };
  localStorage.setItem(place(form), JSON.stringify(kept));
  told(form, false);
  // Typing on does not put it off.
  if (!waiting.has(form)) later(form, PAUSE);
}

/** Its text has gone out; what was typed after it is the next one. */
export function finished(form, sent) {
  cancel(form);
  localStorage.removeItem(place(form));
  const text = area(form);
  text.value = text.value.startsWith(sent) ? text.value.slice(sent.length).trimStart() : text.value;
  text.defaultValue = "";
  // The key is used up: what comes next is another message.
  form.elements.key.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  form.elements.edits.value = 0;
  told(form, false);
}

/** It goes out as a message: what would be kept meanwhile would come too late. */
export function going(form) {
  cancel(form);
  running.get(form)?.abort();
}

function cancel(form) {
  clearTimeout(waiting.get(form));
  waiting.delete(form);
}

function later(form, pause) {
  cancel(form);
  waiting.set(form, setTimeout(() => save(form), pause));
}

/** Tells the server. What it took need not be kept here. */
export async function save(form) {
  cancel(form);
  const unsaved = localStorage.getItem(place(form));
  if (!unsaved) return;
  const { key, edits, text } = JSON.parse(unsaved);
  const body = new URLSearchParams({ csrf: form.elements.csrf.value, kind: form.dataset.kind, key, edits, text });
  const stop = new AbortController();
  running.set(form, stop);
  try {
    const headers = { "X-Baton-Fragment": "1" };
    const answer = await fetch(form.dataset.save, { method: "POST", body, headers, keepalive: true, signal: stop.signal });
    // The server is busy, or away behind its proxy.
    if (answer.status >= 500) return later(form, AGAIN);
    if (!answer.ok) return;
    if (localStorage.getItem(place(form)) === unsaved) {
      localStorage.removeItem(place(form));
      told(form, Boolean(text));
    }
  } catch {
    later(form, AGAIN);
  }
}

function told(form, saved) {
  const mark = form.querySelector("[data-saved]");
  if (mark) mark.hidden = !saved;
}

const all = () => document.querySelectorAll("form[data-draft]");
const saveAll = () => all().forEach(save);

export function drafts() {
  all().forEach(restore);
  document.addEventListener("focusout", ({ target }) => target.form?.dataset.draft && save(target.form));
  document.addEventListener("visibilitychange", () => document.hidden && saveAll());
  addEventListener("pagehide", saveAll);
  addEventListener("online", saveAll);
}
