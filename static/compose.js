// Writing: drafts that survive anything, sending without leaving the page, the length of a text.
import { show, refreshList, refreshThread, acted, since } from "./fragments.js";

const key = (form) => `baton-draft:${form.dataset.draft}`;
const area = (form) => form.querySelector("textarea");

function restore() {
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const draft = localStorage.getItem(key(form));
    if (!draft || area(form).value) continue;
    area(form).value = draft;
    if (form.closest("details")) form.closest("details").open = true;
    measure(area(form));
  }
}

function measure(text) {
  const left = text.form.querySelector("[data-left]");
  if (!left) return;
  const limit = Number(text.dataset.limit);
  const used = limit < 2000 ? new TextEncoder().encode(text.value).length : [...text.value].length;
  left.textContent = used > limit * 0.8 ? `${used} / ${limit}` : "";
  left.classList.toggle("over", used > limit);
}

async function send(form, submitter) {
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  failed("");
  const act = acted();
  const sent = form.dataset.draft && area(form).value;
  try {
    const fields = new URLSearchParams(new FormData(form, submitter));
    // Not form.action: that is the field of this name, where a form has one.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields, headers: { "X-Baton-Fragment": "1" } });
    if (answer.status === 401) return location.reload();
    const html = await answer.text();
    const overtaken = since(act);
    acted();
    if (answer.ok) finished(form, sent);
    if (!html.includes('id="thread"')) return failed(html);
    if (answer.ok && overtaken) refreshThread();
    else show(html, { force: true });
    (document.getElementById("problem") ?? document.getElementById("guard"))?.scrollIntoView({ block: "nearest" });
    if (answer.ok) after(form, submitter);
  } catch {
    // Nobody knows whether it arrived. The key stays, so sending again cannot double it.
    failed(document.body.dataset.lost);
  } finally {
    form.removeAttribute("aria-busy");
    refreshList();
  }
}

/** Its text has gone out, unless the next one is already being written. */
function finished(form, sent) {
  if (!form.dataset.draft || area(form).value !== sent) return;
  localStorage.removeItem(key(form));
  area(form).value = area(form).defaultValue = "";
  measure(area(form));
  if (form.closest("details")) form.closest("details").open = false;
}

function after(form, submitter) {
  submitter?.closest("details.menu")?.removeAttribute("open");
  const action = new FormData(form).get("action");
  if (["take", "assign", "reopen"].includes(action) || form.id === "reply") document.getElementById("reply-text")?.focus();
}

/** Stays until the next try: good news from the live stream does not take it away. */
function failed(words) {
  const bar = document.getElementById("live");
  bar.textContent = new DOMParser().parseFromString(words, "text/html").querySelector("main, body").textContent.trim().slice(0, 300);
  bar.hidden = !words;
  bar.toggleAttribute("data-failed", Boolean(words));
}

export function compose() {
  restore();
  document.addEventListener("input", ({ target }) => {
    const form = target.form;
    if (!form?.dataset.draft) return;
    if (target.value) localStorage.setItem(key(form), target.value);
    else localStorage.removeItem(key(form));
    measure(target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.dataset.draft) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#thread") || event.target.getAttribute("method") !== "post") return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
}
