// Makes one element look like another while keeping what is the same: focus, scroll, open sheets, and what somebody is typing.

const typed = (area) => area.value !== area.defaultValue;

/** `force`: also replace the hidden fields that belong to a text in progress. */
export function morph(from, to, { force = false } = {}) {
  // What a script fills is its own.
  if (from.isEqualNode(to) || from.hasAttribute("data-own")) return;
  attributes(from, to, force);
  if (from instanceof HTMLTextAreaElement) {
    if (!typed(from) && document.activeElement !== from) from.value = from.defaultValue = to.defaultValue;
    return;
  }
  children(from, to, force);
}

function kept(element, name, force) {
  if (name === "open") return element instanceof HTMLDetailsElement || element instanceof HTMLDialogElement;
  if (name === "aria-busy" || name === "aria-expanded") return true;
  return name === "value" && !force && element.hasAttribute("data-keep") && [...element.form.querySelectorAll("textarea")].some(typed);
}

function attributes(from, to, force) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !kept(from, name, force)) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !kept(from, name, force)) from.removeAttribute(name);
  }
}

function same(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

/** What answers a form stays until the next form is sent, whatever is told meanwhile. */
const stays = (node, force) => !force && node.nodeType === Node.ELEMENT_NODE && node.hasAttribute("data-stays");

function children(from, to, force) {
  const ids = new Set([...to.children].map((child) => child.id));
  // First what goes: what stays need not be moved over it then, and a moved element loses the focus.
  for (const child of [...from.children]) if (child.id && !ids.has(child.id) && !stays(child, force)) child.remove();
  const named = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let present = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    while (present && stays(present, force) && present.id !== wanted.id) present = present.nextSibling;
    const known = wanted.id ? named.get(wanted.id) : null;
    if (known && known !== present) from.insertBefore(known, present);
    const match = known ?? (present && same(present, wanted) ? present : null);
    if (match) {
      if (match === present) present = present.nextSibling;
      if (match.nodeType === Node.ELEMENT_NODE) morph(match, wanted, { force });
      else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
    } else {
      from.insertBefore(document.importNode(wanted, true), present);
    }
  }
  while (present) {
    const next = present.nextSibling;
    if (!stays(present, force)) present.remove();
    present = next;
  }
}
