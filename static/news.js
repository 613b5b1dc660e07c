// What is new elsewhere: a line for a while, with the way there. Whatever it tells is in the lists as well.

const PACE = 3000;
const STAYS = 12_000;
const MOST = 3;

const body = document.body;
const box = document.getElementById("toasts");
let since = body.dataset.now;
let asked = 0;
let later;

function stay(line) {
  clearTimeout(line.going);
  line.going = setTimeout(() => (line.matches(":hover, :focus-within") ? stay(line) : line.remove()), STAYS);
}

async function ask() {
  later = undefined;
  asked = performance.now();
  const query = new URLSearchParams({ since, open: body.dataset.conversation ?? "" });
  const answer = await fetch(`/inbox/news?${query}`, { headers: { "X-Baton-Fragment": "1" }, cache: "no-store" }).catch(() => {});
  if (!answer?.ok) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("news");
  since = found.dataset.now;
  for (const line of found.children) {
    document.getElementById(line.id)?.remove();
    box.prepend(document.importNode(line, true));
    stay(box.firstChild);
  }
  while (box.children.length > MOST) box.lastChild.remove();
}

/** Something changed. Asked about at most every few seconds, and only while somebody looks. */
export function news() {
  if (document.hidden) later = clearTimeout(later);
  else later ??= setTimeout(ask, Math.max(300, PACE - (performance.now() - asked)));
}

box?.addEventListener("click", ({ target }) => target.closest("button") && target.closest(".toast").remove());
document.addEventListener("visibilitychange", news);
