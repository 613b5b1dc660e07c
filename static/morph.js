// Makes one element look like another while keeping what is the same: focus, scroll, open sheets, and what somebody is typing.

const typed = (field) => field.value !== field.defaultValue;
const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const isText = (field) => ["text", "search"].includes(field.type);

/** Somebody is at a text in this form, and the fresh one leaves it as it is. */
const writing = (form, fresh) =>
  [...form.querySelectorAll("textarea")].some(
    (area) => typed(area) || (area.value && (document.activeElement === area || area.value === fresh?.querySelector("textarea")?.defaultValue)),
  );

/** Somebody has changed this field, or it came back with what they had written, and the fresh one does not say the same. */
const edited = (field, fresh) => isText(field) && (typed(field) || "yours" in field.dataset) && field.value !== fresh?.defaultValue;

/** What belongs to a text in progress: its hidden fields, and the button with what shall happen then. */
const held = (element, fresh, sent) => element.hasAttribute("data-keep") && sent !== element.form.id && writing(element.form, fresh.form);

/** What a field said when somebody began to change it, by which the server finds out whether a colleague was faster. */
const compared = (was, fresh) => was.name?.startsWith("was-") && edited(was.previousElementSibling, fresh.previousElementSibling);

/** `sent`: the id of the form that this answers, empty if it has none. The hidden fields of its text are fresh; those of other texts in progress stay. */
export function morph(from, to, { sent } = {}) {
  // What a script fills is its own.
  if (from.isEqualNode(to) || from.hasAttribute("data-own") || held(from, to, sent) || compared(from, to)) return;
  const settled = isText(from) && !edited(from, to);
  attributes(from, to);
  if (settled) from.value = to.defaultValue;
  if (from instanceof HTMLTextAreaElement) {
    if (!typed(from) && document.activeElement !== from) from.value = from.defaultValue = to.defaultValue;
    return;
  }
  children(from, to, sent);
}

// Of a field that came back with what somebody had written.
const YOURS = ["value", "data-yours", "aria-invalid", "aria-describedby"];

function kept(element, to, name) {
  if (name === "open") return element instanceof HTMLDetailsElement || element instanceof HTMLDialogElement;
  return name === "aria-busy" || name === "aria-expanded" || (YOURS.includes(name) && edited(element, to));
}

function attributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !kept(from, to, name)) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !kept(from, to, name)) from.removeAttribute(name);
  }
}

function same(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

/** What answers a form stays until the next form is sent, whatever is told meanwhile; a text stays while somebody is at it. */
const stays = (node, sent) =>
  sent === undefined &&
  isElement(node) &&
  (node.hasAttribute("data-stays") || (node.hasAttribute("data-draft") && node.contains(document.activeElement)));

/** Not in the fresh page, but not gone either. */
const passed = (present, wanted, sent) => stays(present, sent) && present.id !== wanted.id;

/** Text where an element is wanted, such as behind one that stays: it would hide the element behind it, which would then be made anew. */
const isBetween = (present, wanted) => isElement(wanted) && !isElement(present);

function children(from, to, sent) {
  const ids = new Set([...to.children].map((child) => child.id));
  // First what goes: what stays need not be moved over it then, and a moved element loses the focus. By removeChild(), since remove() of a form may
  // be its button of this name.
  for (const child of [...from.children]) if (child.id && !ids.has(child.id) && !stays(child, sent)) from.removeChild(child);
  const named = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let present = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    while (present && (passed(present, wanted, sent) || isBetween(present, wanted))) {
      const next = present.nextSibling;
      if (isBetween(present, wanted)) from.removeChild(present);
      present = next;
    }
    const known = wanted.id ? named.get(wanted.id) : null;
    if (known && known !== present) from.insertBefore(known, present);
    const match = known ?? (present && same(present, wanted) ? present : null);
    if (match) {
      if (match === present) present = present.nextSibling;
      if (isElement(match)) morph(match, wanted, { sent });
      else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
    } else {
      from.insertBefore(document.importNode(wanted, true), present);
    }
  }
  while (present) {
    const next = present.nextSibling;
    if (!stays(present, sent)) from.removeChild(present);
    present = next;
  }
}
