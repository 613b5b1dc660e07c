// Files: picked, dropped or pasted, each goes up at once and stands beside the text until it is sent.
import { show, acted } from "./fragments.js";

const form = () => document.getElementById("reply");
const uploads = () => document.getElementById("uploads");
const pick = () => document.getElementById("pick");

/** Whether some are still on their way: then what to say about it. */
export const waiting = () => uploads()?.querySelector("progress") && pick()?.dataset.wait;

function row(name) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  label.className = "file-name";
  label.dir = "auto";
  label.textContent = name;
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "quiet icon-only";
  cancel.textContent = "×";
  cancel.ariaLabel = `${pick().dataset.cancel} ${name}`;
  cancel.onclick = () => {
    item.remove();
    item.upload?.abort();
  };
  item.append(label, cancel);
  uploads().append(item);
  return item;
}

// Whoever leaves now would lose them.
addEventListener("beforeunload", (event) => waiting() && event.preventDefault());

function told(item, words) {
  if (!item.isConnected) return;
  item.querySelector("progress")?.remove();
  const label = item.querySelector(".file-name");
  label.className = "problem";
  label.setAttribute("role", "alert");
  label.textContent = words;
}

/** One after the other: what a form may hold is for the server to say. */
let last = Promise.resolve();
function send(item, name, fields) {
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.ariaLabel = name;
  item.insertBefore(bar, item.lastChild);
  last = last.then(() => item.isConnected && go(item, bar, fields));
  return last;
}

function go(item, bar, fields) {
  const { attach } = form().dataset;
  const { csrf, view } = form().elements;
  fields.append("csrf", csrf.value);
  fields.append("view", view.value);
  return new Promise((done) => {
    const call = new XMLHttpRequest();
    item.upload = call;
    call.open("POST", attach);
    call.setRequestHeader("X-Baton-Fragment", "1");
    call.upload.onprogress = ({ loaded, total }) => (bar.value = loaded / total);
    call.onload = () => {
      if (call.status === 401) return location.reload();
      if (call.status !== 200) return told(item, call.status === 422 ? call.responseText : pick().dataset.lost);
      item.remove();
      // What was asked for before does not know of it.
      acted();
      // Another conversation may be open by now.
      if (form()?.dataset.attach === attach) show(call.responseText);
    };
    call.onerror = () => told(item, document.body.dataset.lost);
    call.onloadend = done;
    call.send(fields);
  });
}

export function attach(files) {
  if (!pick()) return;
  for (const file of files) {
    const item = row(file.name);
    if (file.size > pick().dataset.most) {
      told(item, pick().dataset.large.replace("{name}", file.name).replace("{limit}", Math.ceil(pick().dataset.most / 1e6)));
      continue;
    }
    const fields = new FormData();
    fields.append("pick", file);
    send(item, file.name, fields);
  }
}

/** The files of a saved reply. */
export function attachReply({ id, title }) {
  if (!pick()) return;
  const fields = new FormData();
  fields.append("reply", id);
  send(row(title), title, fields);
}

/** One of them shall not be sent. */
export async function detach(button) {
  const { csrf, view } = form().elements;
  const body = new URLSearchParams({ csrf: csrf.value, view: view.value, without: button.value });
  const answer = await fetch(button.getAttribute("formaction"), { method: "POST", body, headers: { "X-Baton-Fragment": "1" } }).catch(() => {});
  if (answer?.status === 401) return location.reload();
  const html = await answer?.text();
  acted();
  if (answer?.ok) show(html);
  document.getElementById("reply-text").focus();
}
