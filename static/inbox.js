// The inbox with script: live updates, drafts, shortcuts. Every page and form works without it.
import { watch } from "./live.js";
import { refreshList, refreshThread, refreshAll } from "./fragments.js";
import { compose } from "./compose.js";
import { presence } from "./presence.js";
import { keys } from "./keys.js";
import { menus } from "./menus.js";
import { news } from "./news.js";
import { tellZone } from "./zone.js";

document.documentElement.classList.add("scripted");

const body = document.body;

function remember(list) {
  const place = `baton-scroll:${body.dataset.list.split("?")[1]}`;
  list.scrollTop = Number(sessionStorage.getItem(place)) || 0;
  addEventListener("pagehide", () => sessionStorage.setItem(place, String(list.scrollTop)));
}

// On a phone the views are lines that scroll.
for (const view of document.querySelectorAll(".view[aria-current]")) view.scrollIntoView({ block: "nearest", inline: "center" });
remember(document.getElementById("list"));
compose();
menus();
presence();
keys();
if (tellZone()) refreshAll();

// A key in a closed select chooses the next one, which may not be the one that is wanted: then there is a button.
let byKey = false;
for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => (byKey = kind === "keydown"), true);
document.addEventListener("change", (event) => {
  if (!byKey && event.target.form?.hasAttribute("data-submit-on-change")) event.target.form.requestSubmit();
});

const mine = body.dataset.conversation;

// Of many changes at once it is told of the one that is shown here.
watch(mine ? `${body.dataset.live}?open=${encodeURIComponent(mine)}` : body.dataset.live, (change) => {
  refreshList();
  news();
  if (mine && (change.everything || change.conversations.some(([key]) => key === mine))) refreshThread();
});

// Ages and countdowns move on by themselves.
setInterval(() => {
  if (!document.hidden) refreshAll();
}, 60_000);
