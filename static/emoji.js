// Emoji: the characters themselves, put in where the cursor is. Arrow keys move, Enter puts in, Escape closes.

const ALL =
  "😀 😃 😄 😊 🙂 😉 😍 😘 😂 🤣 😅 😎 🤔 🤗 😇 🥳 😢 😭 😔 😟 😮 😳 🙄 😴 😡 🤝 👍 👎 👌 👏 🙏 💪 👋 ✌️ 🤞 👀 ❤️ 🧡 💛 💚 💙 💜 💔 🔥 ✨ ⭐ 🎉 🎁 " +
  "🎂 ☕ 🍀 🌞 🌧️ ❄️ ✅ ❌ ❗ ❓ ⚠️ 💡 📦 🚚 🛒 💶 💳 🧾 📅 ⏰ 📍 📞 📧 📎 🔗 🔒 🏠 🚗";

const box = () => document.getElementById("emoji");
const area = () => document.getElementById("reply-text");
const columns = () => getComputedStyle(box()).gridTemplateColumns.split(" ").length;

function fill() {
  const buttons = ALL.split(" ").map((face, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = face;
    button.tabIndex = index ? -1 : 0;
    return button;
  });
  box().replaceChildren(...buttons);
}

function toggle(open, back = true) {
  if (!box() || box().hidden === !open) return;
  if (open && !box().firstChild) fill();
  box().hidden = !open;
  document.querySelector("[data-open-emoji]").ariaExpanded = String(open);
  if (open) box().querySelector('[tabindex="0"]').focus();
  else if (back) area().focus();
}

function put(face) {
  toggle(false);
  area().setRangeText(face, area().selectionStart, area().selectionEnd, "end");
  area().dispatchEvent(new Event("input", { bubbles: true }));
}

function press(event) {
  const faces = [...box().children];
  const at = faces.indexOf(event.target);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() }[event.key];
  if (event.key === "Escape") toggle(false);
  else if (step && faces[at + step]) {
    event.target.tabIndex = -1;
    faces[at + step].tabIndex = 0;
    faces[at + step].focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Opens the box, or closes it. */
export const toggleEmoji = () => toggle(Boolean(box()?.hidden));

document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-open-emoji]")) return;
  const face = target.closest?.("#emoji button");
  if (face) put(face.textContent);
  else toggle(false, false);
});
document.addEventListener("keydown", (event) => event.target.closest?.("#emoji button") && press(event), true);
