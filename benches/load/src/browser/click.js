// Keeps the time of the next click for the page that it leads to.
sessionStorage.removeItem("clicked");
const keep = ({ timeStamp }) => sessionStorage.setItem("clicked", performance.timeOrigin + timeStamp);
document.addEventListener("click", keep, { capture: true, once: true });
