// Who else is here: a sign every 15 seconds and when it changes, never one a key; and what the live stream says of colleagues.

const BEAT = 15_000;
const STILL = 5000;

const row = () => document.getElementById("presence");
let typed = -STILL;
let told = "gone";
let toldAt = 0;

function tell(doing) {
  told = doing;
  toldAt = performance.now();
  const csrf = document.querySelector("#again input[name=csrf]").value;
  const body = new URLSearchParams({ csrf, doing });
  // Should it not arrive, the next one says the same.
  fetch(row().dataset.tell, { method: "POST", body, headers: { "X-Baton-Fragment": "1" }, keepalive: true }).catch(() => {});
}

function look() {
  const now = performance.now();
  const doing = document.hidden ? "gone" : now - typed < STILL ? "typing" : "viewing";
  if (doing !== told || (doing !== "gone" && now - toldAt >= BEAT)) tell(doing);
}

/** What is left until a request is decided, counted down from what the server said. */
function countDown() {
  for (const left of document.querySelectorAll("[data-countdown]")) {
    if (left.said !== left.dataset.countdown) {
      left.said = left.dataset.countdown;
      left.end = performance.now() + Number(left.said);
    }
    left.textContent = left.dataset.words.replace("{seconds}", Math.max(0, Math.round((left.end - performance.now()) / 1000)));
  }
}

export function presence() {
  setInterval(countDown, 1000);
  countDown();
  if (!row()) return;
  document.addEventListener("input", ({ target }) => {
    if (!target.form?.dataset.draft) return;
    typed = target.value ? performance.now() : -STILL;
    look();
  });
  document.addEventListener("presence", ({ detail }) => {
    if (detail.conversation === document.body.dataset.conversation) row().textContent = detail.words;
  });
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => tell("gone"));
  setInterval(look, 1000);
  look();
}
