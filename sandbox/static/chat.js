// Keeps the chats live. Everything here also works without it, by forms and reloading.
"use strict";

const POLL_MS = 3000;
const panels = () => [...document.querySelectorAll(".panel[data-psid]")];
const looking = () => document.visibilityState === "visible";

/** Shows times in the browser's own zone. */
function localTimes(root) {
  for (const time of root.querySelectorAll("[data-at]")) {
    const at = new Date(Number(time.dataset.at));
    const today = at.toDateString() === new Date().toDateString();
    const day = today ? {} : { day: "numeric", month: "short" };
    time.textContent = at.toLocaleString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", ...day });
  }
}

/** Brings a thread to its new state, touching only what changed, so that a screen reader says only what is new. */
function settle(thread, html) {
  const next = document.createElement("template");
  next.innerHTML = html;
  localTimes(next.content);
  const known = new Map([...thread.children].map((child) => [child.id, child]));
  let before = null;
  for (const child of [...next.content.children]) {
    const old = known.get(child.id);
    known.delete(child.id);
    let kept = old;
    if (!old) {
      child.classList.add("fresh");
      kept = child;
    } else if (plain(old) !== plain(child)) {
      old.replaceWith(child);
      kept = child;
    }
    const place = before ? before.nextElementSibling : thread.firstElementChild;
    if (kept !== place) thread.insertBefore(kept, place);
    before = kept;
  }
  for (const gone of known.values()) gone.remove();
}

const plain = (element) => element.outerHTML.replace(" fresh", "");

/** Fetches a conversation; at most one request per panel at a time, and one more if it changed meanwhile. */
async function refresh(panel) {
  if (panel.dataset.busy) {
    panel.dataset.again = "1";
    return;
  }
  panel.dataset.busy = "1";
  try {
    const { page, psid, back } = panel.dataset;
    const query = new URLSearchParams({ look: looking() ? "1" : "0", back });
    const answer = await fetch(`/chat/${page}/${psid}/thread?${query}`);
    if (answer.ok) settle(panel.querySelector(".thread"), await answer.text());
  } catch {
    // The stream or the next poll tells when the sandbox is back.
  }
  delete panel.dataset.busy;
  if (panel.dataset.again) {
    delete panel.dataset.again;
    refresh(panel);
  }
}

function notice(shown) {
  const box = document.querySelector(".notice");
  box.textContent = box.dataset.notSent;
  box.hidden = !shown;
}

/** Sends a form without leaving the page. */
async function submit(form, button) {
  const data = new FormData(form, button);
  const text = form.elements.text;
  const written = text?.value;
  if (text) form.reset();
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { "X-Live": "1" } });
    if (!answer.ok) throw new Error(String(answer.status));
    notice(false);
    const panel = form.closest(".panel");
    await refresh(panel);
    const scroll = panel.querySelector(".scroll");
    scroll.scrollTop = scroll.scrollHeight;
  } catch {
    if (text && !text.value) text.value = written;
    notice(true);
  }
}

/** Somebody new has come: shown once nothing half-written would be lost. */
let reloading = 0;
function somebodyNew() {
  const room = document.querySelector("[data-room]");
  const writing = [...document.querySelectorAll("input.field, #new-name")].some((field) => field.value);
  if (!room || Number(room.dataset.room) >= 6 || writing || reloading) return;
  reloading = setTimeout(() => location.reload(), 400);
}

function listen() {
  let polling = 0;
  const stream = new EventSource("/live");
  const everything = () => panels().forEach(refresh);
  stream.addEventListener("open", () => {
    clearInterval(polling);
    polling = 0;
    everything();
  });
  stream.addEventListener("change", (event) => {
    const { page_id, psid } = JSON.parse(event.data);
    const panel = panels().find((panel) => panel.dataset.page === page_id && panel.dataset.psid === psid);
    if (panel) refresh(panel);
    else somebodyNew();
  });
  stream.addEventListener("all", everything);
  stream.addEventListener("error", () => {
    polling ||= setInterval(everything, POLL_MS);
  });
  // The typing indicator ends by itself, which no event tells.
  setInterval(() => panels().filter((panel) => panel.querySelector("#typing")).forEach(refresh), POLL_MS);
  document.addEventListener("visibilitychange", () => looking() && everything());
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return;
  event.preventDefault();
  const empty = form.elements.text && !form.elements.text.value.trim() && !form.elements.file?.files.length;
  if (!empty) submit(form, event.submitter);
});
document.addEventListener("change", (event) => {
  if (event.target.matches(".attach input") && event.target.files.length) submit(event.target.form);
});
localTimes(document);
listen();
