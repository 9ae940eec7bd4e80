/** The endpoints: the worst first, with why and since when. */
import { byId, h, sync } from "./dom.js";
import { countText, durationText, meaningOf, outcomeText, timeText } from "./words.js";

const words = {
  circuit_open: "circuit open",
  failing: "failing",
  disabled: "disabled",
  paused: "paused",
  dead_letters: "dead letters",
  ok: "ok",
};
const order = Object.keys(words);

/** `actions` are `choose(id)` and `switchTo(id, enabled)`. */
export function showEndpoints(endpoints, now, actions) {
  const sorted = [...endpoints].sort(
    (a, b) => order.indexOf(a.health) - order.indexOf(b.health) || a.id.localeCompare(b.id),
  );
  const shown = sorted.map((endpoint) => ({
    id: endpoint.id,
    origin: endpoint.origin,
    enabled: endpoint.enabled,
    health: endpoint.health,
    why: whyOf(endpoint, now),
    hint: endpoint.health === "ok" ? undefined : meaningOf(endpoint.lastAttempt?.outcome ?? endpoint.reason),
    inFlight: `${endpoint.inFlight}/${endpoint.concurrency}`,
    waiting: endpoint.pending,
    late: lateness(endpoint, now),
    dead: endpoint.dead,
  }));
  sync(
    byId("endpoint-rows"),
    shown,
    ({ id }) => id,
    (endpoint) => row(endpoint, actions),
  );
  byId("no-endpoints").hidden = endpoints.length > 0;
  showVerdict(endpoints);
  const options = [{ value: "", text: "every endpoint" }];
  for (const { id } of [...endpoints].sort((a, b) => a.id.localeCompare(b.id)))
    options.push({ value: id, text: id });
  const select = document.querySelector('#filter select[name="endpoint"]');
  const { value } = select;
  // One that is gone stays to be chosen: its records are there.
  if (!options.some((option) => option.value === value)) options.push({ value, text: value });
  sync(
    select,
    options,
    (option) => option.value,
    (option) => h("option", { value: option.value }, option.text),
  );
  select.value = value;
}

function row(
  { id, origin, enabled, health, why, hint, inFlight, waiting, late, dead },
  { choose, switchTo },
) {
  return h(
    "tr",
    { class: health },
    h(
      "th",
      { scope: "row" },
      h(
        "button",
        {
          type: "button",
          class: "plain",
          "data-part": "name",
          title: `Show deliveries of ${id}`,
          onclick: () => choose(id),
        },
        id,
      ),
      h("div", { class: "sub" }, origin),
    ),
    h(
      "td",
      {},
      h("span", { class: `chip ${health}` }, words[health]),
      h("div", { class: "sub", title: hint }, why),
    ),
    h("td", { class: "number" }, inFlight),
    h(
      "td",
      { class: "number" },
      waiting.toLocaleString(),
      late === "" ? "" : h("div", { class: "sub" }, late),
    ),
    h("td", { class: dead > 0 ? "number bad" : "number" }, dead.toLocaleString()),
    h(
      "td",
      { class: "action" },
      h(
        "button",
        {
          type: "button",
          "data-part": "switch",
          "aria-label": `${enabled ? "Disable" : "Enable"} ${id}`,
          onclick: () => switchTo(id, !enabled),
        },
        enabled ? "Disable" : "Enable",
      ),
    ),
  );
}

function whyOf({ health, reason, failingSince, circuitUntil, lastAttempt }, now) {
  const since =
    failingSince === undefined ? "" : `since ${timeText(failingSince)} (${durationText(now - failingSince)})`;
  const last = lastAttempt === undefined ? "" : outcomeText(lastAttempt);
  if (health === "disabled") {
    const why = meaningOf(reason ?? "by its settings").replace(/\.$/, "");
    return [why, since].filter(Boolean).join(" · ");
  }
  if (health === "circuit_open") {
    const next =
      circuitUntil === undefined || circuitUntil <= now
        ? "is tried now"
        : `next try ${timeText(circuitUntil)}`;
    return [last, since, next].filter(Boolean).join(" · ");
  }
  if (health === "failing") return [last, since].filter(Boolean).join(" · ");
  return lastAttempt === undefined ? "no attempt yet" : `last ${last} at ${timeText(lastAttempt.at)}`;
}

function lateness({ oldestDueAt }, now) {
  if (oldestDueAt === undefined || now - oldestDueAt < 5000) return "";
  return `due ${durationText(now - oldestDueAt)}`;
}

/** Everything in one line, for whoever was woken: is anything wrong? */
function showVerdict(endpoints) {
  const bad = endpoints.filter(({ health }) => health === "failing" || health === "circuit_open").length;
  const off = endpoints.filter(({ health }) => health === "disabled").length;
  const dead = endpoints.reduce((sum, endpoint) => sum + endpoint.dead, 0);
  const parts = [
    bad === 0 ? "" : `${bad} of ${countText(endpoints.length, "endpoint")} failing`,
    off === 0 ? "" : `${off} disabled`,
    dead === 0 ? "" : `${dead.toLocaleString()} dead`,
  ].filter(Boolean);
  const verdict = byId("verdict");
  const text = parts.length === 0 ? "All endpoints well" : parts.join(" · ");
  // A status that says the same again would be read out again.
  if (verdict.textContent === text) return;
  verdict.textContent = text;
  verdict.className = `verdict ${bad > 0 ? "failing" : parts.length > 0 ? "warn" : "ok"}`;
  document.title = bad > 0 ? `(${bad}) mova-webhooks` : "mova-webhooks";
}
