// Writing: reply or note, sending without leaving the page, the length of a text.
import { show, refreshList, refreshThread, acted, since } from "./fragments.js";
import { drafts, changed, finished, going, save } from "./drafts.js";
import { savedReplies, complete } from "./replies.js";

const area = (form) => form.querySelector("textarea");
const files = () => import("./files.js");

function measure(text) {
  const left = text.form.querySelector("[data-left]");
  if (!left) return;
  const limit = Number(text.dataset.limit);
  const used = "bytes" in text.dataset ? new TextEncoder().encode(text.value).length : [...text.value].length;
  left.textContent = used > limit * 0.8 ? `${used} / ${limit}` : "";
  left.classList.toggle("over", used > limit);
}

async function send(form, submitter) {
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  failed("");
  const act = acted();
  const at = document.activeElement;
  // The button may be gone by the time of the answer, the sheet that it was in is not.
  const menu = submitter?.closest("details.menu, details.write-fields");
  const side = form.closest("#context");
  const home = form.closest("#tagging, #fields")?.id ?? "holder";
  // As the agent sees the list now, which the answer may find changed.
  const following = document.querySelector("#rows li:has([aria-current]) ~ li:not(.gone) a.row")?.href;
  const sent = form.dataset.draft && area(form).value;
  if (form.dataset.draft) going(form);
  const given = new FormData(form, submitter);
  // The form may be another one by the time of the answer.
  const action = given.get("action");
  try {
    // Whatever was picked has gone up already.
    given.delete("pick");
    const fields = new URLSearchParams(given);
    // Not form.action: that is the field of this name, where a form has one.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields, headers: { "X-Baton-Fragment": "1" } });
    if (answer.status === 401) return location.reload();
    const next = answer.headers.get("x-baton-next");
    if (next) {
      if (form.dataset.draft) finished(form, sent);
      return location.assign(following ?? next);
    }
    const html = await answer.text();
    const overtaken = since(act);
    acted();
    if (answer.ok && form.dataset.draft) finished(form, sent);
    if (!html.includes('id="thread"')) {
      uncover(side, given);
      return failed(html);
    }
    if (answer.ok) newest();
    if (answer.ok && overtaken) refreshThread();
    else show(html, { sent: form.getAttribute("id") ?? "" });
    const trouble = document.getElementById("problem") ?? document.getElementById("guard");
    // What is wrong with fields stands beside them.
    if (trouble && home !== "fields") uncover(side, given);
    trouble?.scrollIntoView({ block: "nearest" });
    if (answer.ok) after({ form, menu, sent, action, at, home });
  } catch {
    // Nobody knows whether it arrived. The key stays, so sending again cannot double it.
    uncover(side, given);
    failed(document.body.dataset.unsure);
  } finally {
    form.removeAttribute("aria-busy");
    // What did not go out, and what was typed after it.
    if (form.dataset.draft) save(form);
    refreshList();
  }
}

/** Out from under the side, where that is a drawer and nobody writes on in it. */
function uncover(side, given) {
  const { name, value } = document.activeElement;
  const writesOn = given.has(name) && given.get(name) !== value;
  if (side && getComputedStyle(side).position === "fixed" && !writesOn) location.replace("#context-link");
}

function after({ form, menu, sent, action, at, home }) {
  if (sent) {
    measure(area(form));
    // Typed while the last one was on its way: it belongs to the form that came back.
    if (area(form).value) changed(form);
  }
  const now = document.activeElement;
  const moved = now !== document.body && now !== at;
  const inside = menu?.contains(now);
  // Whoever writes on in it needs it.
  const typedOn = () => [...menu.querySelectorAll("input:not([type])")].some((field) => field.value !== field.defaultValue);
  const needed = menu?.matches(".write-fields") && (moved || typedOn());
  if (!needed) menu?.removeAttribute("open");
  // Said to whoever got it, and to nobody after them.
  const told = document.getElementById("pass-note");
  if (told && menu?.id === "move-pass") told.value = "";
  // Whoever is somewhere else by now stays there.
  if (moved && !form.contains(now)) return;
  if (["take", "assign", "reopen"].includes(action) || form.id === "reply") write("reply");
  else if (now === document.body || (inside && !needed)) document.getElementById(home).focus();
}

/** The answer to a form shows the newest lines, whichever part of the conversation was on the page. */
function newest() {
  const { dataset } = document.body;
  const bare = (address) => {
    const { pathname, searchParams } = new URL(address, location);
    ["at", "before"].forEach((name) => searchParams.delete(name));
    return `${pathname}?${searchParams}`;
  };
  if (!/[?&](at|before)=/.test(dataset.thread)) return;
  dataset.thread = bare(dataset.thread);
  history.replaceState(null, "", bare(location));
}

/** Stays until the next try: good news from the live stream does not take it away. */
function failed(words) {
  const bar = document.getElementById("live");
  const [text, seconds] = bar.children;
  seconds.textContent = "";
  text.textContent = new DOMParser().parseFromString(words, "text/html").querySelector("main, body").textContent.trim().slice(0, 300);
  bar.hidden = !words;
  bar.toggleAttribute("data-failed", Boolean(words));
}

/** Shows one of the two sheets and puts the cursor there. */
export function write(kind) {
  const mode = document.getElementById(`mode-${kind}`);
  if (!mode) return;
  mode.checked = true;
  document.getElementById(`${kind}-text`)?.focus();
}

export function compose() {
  drafts();
  savedReplies();
  document.querySelectorAll("form[data-draft]").forEach((form) => measure(area(form)));
  document.addEventListener("input", ({ target }) => {
    if (!target.form?.dataset.draft || target.localName !== "textarea") return;
    changed(target.form);
    measure(target);
  });
  document.addEventListener("click", ({ target }) => {
    const kind = target.closest?.(".modes label")?.htmlFor.slice("mode-".length);
    if (kind) requestAnimationFrame(() => write(kind));
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.form;
    if (event.key !== "Enter" || event.isComposing || !form?.dataset.draft || event.target.localName !== "textarea") return;
    if (!event.ctrlKey && !event.metaKey && (!("enter" in form.dataset) || event.shiftKey || event.altKey)) return;
    event.preventDefault();
    event.target.form.requestSubmit(event.target.form.querySelector("button.send, button.save-note"));
  });
  document.addEventListener("submit", async (event) => {
    if (!event.target.closest("#thread, #context") || event.target.getAttribute("method") !== "post") return;
    event.preventDefault();
    if (event.submitter?.name === "without") return (await files()).detach(event.submitter);
    const fit = complete(event.target);
    if (fit !== true) return failed(fit);
    if (event.target.id === "reply" && document.querySelector("#uploads progress")) return failed((await files()).waiting());
    send(event.target, event.submitter);
  });
  document.addEventListener("click", async ({ target }) => target.closest?.("[data-open-emoji]") && (await import("./emoji.js")).toggleEmoji());
  withFiles();
}

/** Files are picked, pasted into a reply, or dropped on the conversation. */
function withFiles() {
  const attach = async (list) => (await files()).attach(list);
  const dropped = (event) => event.target.closest?.("#thread") && event.dataTransfer?.types.includes("Files");
  document.addEventListener("click", ({ target }) => target.closest?.("[data-pick]") && document.getElementById("pick").click());
  document.addEventListener("change", ({ target }) => {
    if (target.id !== "pick") return;
    attach([...target.files]);
    target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    // Office puts a picture of the text beside it.
    const isText = ["text/plain", "text/html"].every((type) => event.clipboardData?.types.includes(type));
    if (event.target.id !== "reply-text" || !pasted.length || isText) return;
    event.preventDefault();
    attach(pasted);
  });
  document.addEventListener("dragover", (event) => {
    if (!dropped(event)) return;
    event.preventDefault();
    document.getElementById("thread").classList.add("dropping");
  });
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      document.getElementById("thread")?.classList.remove("dropping");
      if (name !== "drop" || !dropped(event)) return;
      event.preventDefault();
      const pick = document.getElementById("pick");
      if (!pick) return;
      // A note stays inside: what is dropped on it must not go out with the next reply.
      if (!document.getElementById("mode-reply").checked) return failed(pick.dataset.repliesOnly);
      attach([...event.dataTransfer.files]);
    });
  }
}
