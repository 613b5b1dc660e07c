// How long it took from the click until the page was painted with the conversation in it and its scripts had run, in milliseconds.
const clicked = Number(sessionStorage.getItem("clicked"));
const [loaded] = performance.getEntriesByType("navigation");
const [painted] = performance.getEntriesByName("first-contentful-paint");
const whole = document.querySelector("html.scripted #thread h1") && loaded?.domContentLoadedEventEnd > 0 && painted;
if (!clicked || performance.timeOrigin < clicked || !whole) return null;
return performance.timeOrigin + Math.max(loaded.domContentLoadedEventEnd, painted.startTime) - clicked;
