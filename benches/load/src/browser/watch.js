// Notes what an inbox shows and when, in milliseconds of the wall clock: looked at in the frame that follows a change.
const noted = (window.noted = { rows: [], texts: {}, keys: [], tasks: [] });
let newest = "";

function look() {
  const now = Date.now();
  const row = document.querySelector("#rows > li a.row");
  const preview = row?.querySelector(".preview").textContent ?? "";
  if (row && newest !== row.dataset.row + preview) {
    newest = row.dataset.row + preview;
    noted.rows.push([now, row.dataset.row, preview]);
  }
  for (const line of [...document.querySelectorAll("#timeline .lines > li.message")].slice(-8)) {
    const text = line.querySelector(".text")?.textContent;
    if (text?.startsWith("marker ")) noted.texts[text] ??= now;
  }
}

let due = false;
function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    look();
  });
}
new MutationObserver(changed).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
look();

// A message to oneself that is sent in a frame comes when the frame is painted.
const pressed = ({ timeStamp }) =>
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => noted.keys.push(performance.now() - timeStamp);
    port2.postMessage(0);
  });
document.addEventListener("keydown", pressed, true);

new PerformanceObserver((list) => noted.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
