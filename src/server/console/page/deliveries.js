/** The list of deliveries, newest first, and its filters. */
import { byId, h, sync } from "./dom.js";
import { durationText, outcomeText, timeText } from "./words.js";

const step = 50;
const most = 500;
const types = new Set();
let limit = step;

const form = () => byId("filter");

/** The filter as the API has it, without what is empty. */
export function filter() {
  const given = new URLSearchParams(new FormData(form()));
  return Object.fromEntries([...given].filter(([, value]) => value !== ""));
}

export function setFilter(values) {
  const { elements } = form();
  for (const name of ["state", "type"]) if (values[name] !== undefined) elements[name].value = values[name];
  if (values.endpoint === undefined) return;
  const { endpoint } = elements;
  const listed = [...endpoint.options].some((option) => option.value === values.endpoint);
  if (!listed)
    endpoint.append(h("option", { value: values.endpoint, "data-key": values.endpoint }, values.endpoint));
  endpoint.value = values.endpoint;
}

export function listPath() {
  return `/api/deliveries?${new URLSearchParams({ ...filter(), limit: String(limit) })}`;
}

/** `changed` is called after every change of what is wanted. */
export function watchFilter(changed) {
  const narrowed = () => {
    limit = step;
    const query = new URLSearchParams(filter()).toString();
    history.replaceState(null, "", `${query === "" ? "/" : `/?${query}`}${location.hash}`);
    changed();
  };
  form().addEventListener("submit", (event) => event.preventDefault());
  form().addEventListener("change", narrowed);
  byId("more").addEventListener("click", () => {
    limit = Math.min(most, limit + step);
    changed();
  });
  return narrowed;
}

export function showDeliveries({ deliveries, cursor }, openId, now) {
  const shown = deliveries.map((delivery) => ({
    id: delivery.id,
    state: delivery.state,
    eventType: delivery.eventType,
    endpointId: delivery.endpointId,
    attempts: delivery.attempts.length,
    last: delivery.attempts.length === 0 ? (delivery.reason ?? "") : outcomeText(delivery.attempts.at(-1)),
    next: nextText(delivery, now),
    accepted: timeText(delivery.createdAt),
    open: delivery.id === openId,
  }));
  sync(byId("delivery-rows"), shown, ({ id }) => id, row);
  byId("no-deliveries").hidden = shown.length > 0;
  byId("more").hidden = cursor === undefined || limit >= most;
  for (const { eventType } of deliveries) types.add(eventType);
  sync(
    byId("types"),
    [...types].sort((a, b) => a.localeCompare(b)),
    (type) => type,
    (type) => h("option", { value: type }),
  );
}

function row({ id, state, eventType, endpointId, attempts, last, next, accepted, open }) {
  return h(
    "tr",
    { "aria-current": open ? "true" : undefined, class: open ? "open" : undefined },
    h("td", {}, h("span", { class: `chip ${state}` }, state)),
    h(
      "th",
      { scope: "row" },
      h("a", { href: `#${id}`, class: "plain", "data-part": "open", title: id }, eventType),
    ),
    h("td", {}, endpointId),
    h("td", { class: "number" }, String(attempts)),
    h("td", { class: "outcome" }, last),
    h("td", {}, next),
    h("td", { class: "time" }, accepted),
  );
}

function nextText({ state, dueAt }, now) {
  if (state !== "pending") return "";
  return dueAt - now < 1000 ? "due" : `in ${durationText(dueAt - now)}`;
}

/** Moves the focus by one row, from the open one where none has it. */
export function moveFocus(by) {
  const links = [...document.querySelectorAll('#delivery-rows [data-part="open"]')];
  const from = links.findIndex((link) => link === document.activeElement);
  const open = links.findIndex((link) => link.closest("tr").classList.contains("open"));
  const start = from >= 0 ? from : open;
  const next = start < 0 ? links[0] : links[Math.min(links.length - 1, Math.max(0, start + by))];
  next?.focus();
}
