/** Makes and updates elements. Texts go in as text: nothing here parses HTML. */

/** `h("td", { class: "number" }, "7")`; properties that start with `on` are listeners, undefined ones are left out. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== ""));
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * Makes the children of `parent` those of `items`, in their order. A child is made anew only where what it shows has
 * changed, and keeps the focus then, so that the page can be used while it lives.
 */
export function sync(parent, items, keyOf, render) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of old) if (!keys.has(key)) child.remove();
  const focused = () => (parent.contains(document.activeElement) ? document.activeElement : undefined);
  let focus = focused();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const present = old.get(key);
    const shown = JSON.stringify(item);
    const child = present?.shown === shown ? present : render(item);
    if (child !== present) {
      child.dataset.key = key;
      child.shown = shown;
      if (place === present && present !== undefined) place = child;
      if (present !== undefined) replaceKeepingFocus(present, child);
      focus = focused() ?? focus;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  // An element that is moved loses the focus.
  if (focus?.isConnected === true && focus !== document.activeElement) focus.focus({ preventScroll: true });
}

/** The part in focus is known by its `data-part`. */
export function replaceKeepingFocus(old, fresh) {
  const part = old.contains(document.activeElement) ? document.activeElement.dataset.part : undefined;
  old.replaceWith(fresh);
  if (part !== undefined) fresh.querySelector(`[data-part="${part}"]`)?.focus({ preventScroll: true });
}
