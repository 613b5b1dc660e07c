// The live stream: hears what changed, says when the connection is lost, and asks by itself until it is back.

const SILENT_AFTER = 12_000;
const OLD_AFTER = 30_000;
const ASK_EVERY = 10_000;

export function watch(url, changed) {
  const bar = document.getElementById("live");
  const { lost, since } = document.body.dataset;
  const everything = { everything: true, conversations: [] };
  let news = performance.now();
  let asked = 0;
  let retry = 1000;
  let parked = false;
  let leave = () => {};
  let source;

  function heard(event) {
    news = performance.now();
    retry = 1000;
    bar.hidden = !bar.hasAttribute("data-failed");
    bar.children[1].textContent = "";
    document.documentElement.classList.remove("old");
    return JSON.parse(event.data);
  }

  function open() {
    let resumed = false;
    source = new EventSource(url);
    source.addEventListener("hello", (event) => {
      const change = heard(event);
      // Only a stream that broke off knows its place; what happened between the page and the first word of a new one was told to nobody.
      changed(resumed ? change : everything);
      resumed = true;
    });
    source.addEventListener("changed", (event) => changed(heard(event)));
    source.addEventListener("beat", heard);
    source.addEventListener("presence", ({ data }) => document.dispatchEvent(new CustomEvent("presence", { detail: JSON.parse(data) })));
    source.addEventListener("over", () => location.reload());
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => parked || open(), retry);
      retry = Math.min(retry * 2, 30_000);
    });
  }

  setInterval(() => {
    const silent = performance.now() - news;
    if (silent < SILENT_AFTER) return;
    if (parked) return ask();
    const [words, seconds] = bar.children;
    // Said once; the seconds are only seen. Why a form failed stays.
    if (words.textContent !== lost && !bar.hasAttribute("data-failed")) words.textContent = lost;
    seconds.textContent = since.replace("{seconds}", Math.round(silent / 1000));
    bar.hidden = false;
    document.documentElement.classList.toggle("old", silent > OLD_AFTER);
    ask();
  }, 1000);

  function ask() {
    if (performance.now() - asked < ASK_EVERY) return;
    asked = performance.now();
    changed(everything);
  }

  async function settle() {
    leave();
    if (document.hidden && navigator.locks) {
      const place = await import("./tabs.js").then(({ take }) => take(), () => null);
      if (place) leave = place;
      if (!document.hidden) return leave();
      parked = !place;
      if (parked) source?.close();
    } else if (parked) {
      parked = false;
      news = performance.now();
      open();
    }
  }

  document.addEventListener("visibilitychange", settle);
  // A tab may be opened behind the others.
  settle().then(() => parked || source || open());
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && !parked && open());
}
