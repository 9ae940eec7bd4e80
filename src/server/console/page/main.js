/** Asks the server each second whether something happened, and shows what did. */
import { get, post } from "./api.js";
import { updateChart, wantedFrom } from "./chart.js";
import { filter, listPath, moveFocus, setFilter, showDeliveries, watchFilter } from "./deliveries.js";
import { showDetail } from "./detail.js";
import { byId } from "./dom.js";
import { showEndpoints } from "./endpoints.js";
import { watchKeys } from "./keys.js";
import { countText, timeText } from "./words.js";

const tickMs = 1000;
/** Other processes change the same outbox, and times go by: everything is asked anew after so many ticks. */
const restTicks = 5;

let revision;
let ticks = 0;
let paused = false;
let answeredAt;

setFilter(Object.fromEntries(new URLSearchParams(location.search)));
const narrowed = watchFilter(() => attempt(refresh));

async function tick() {
  const { now, revision: present, seconds } = await get(`/api/activity?since=${wantedFrom()}`);
  updateChart(now, seconds);
  ticks += 1;
  // What is told has not always been recorded yet: one look more, after the last fact.
  if (present !== revision) ticks = -1;
  revision = present;
  if (ticks <= 0 || ticks % restTicks === 0) await refresh(now);
  answered();
}

/** The order of answers is that of questions: an older one never overwrites a newer. */
let asked = 0;
async function refresh(now = Date.now()) {
  asked += 1;
  const mine = asked;
  const openId = decodeURIComponent(location.hash.slice(1));
  const [{ endpoints }, page, open] = await Promise.all([
    get("/api/endpoints"),
    get(listPath()),
    opened(openId),
  ]);
  if (mine !== asked) return;
  showEndpoints(endpoints, now, { choose, switchTo });
  showDeliveries(page, openId, now);
  showDetail(open?.delivery, open?.explanation, now, replay);
}

async function opened(id) {
  if (!id.startsWith("dlv_")) return undefined;
  try {
    const delivery = await get(`/api/deliveries/${encodeURIComponent(id)}`);
    return { delivery, explanation: await get(`/api/events/${encodeURIComponent(delivery.eventId)}`) };
  } catch (error) {
    notify(error.message);
    location.hash = "";
    return undefined;
  }
}

function answered() {
  answeredAt = Date.now();
  const connection = byId("connection");
  if (!paused && connection.textContent !== "live") connection.textContent = "live";
  connection.className = "connection live";
}

async function attempt(work, report = (error) => notify(error.message)) {
  try {
    await work();
  } catch (error) {
    report(error);
  }
}

/** What is shown stays, with the time it is from. `fetch` throws a TypeError where nobody answers. */
function troubled(error) {
  const connection = byId("connection");
  const trouble = error instanceof TypeError ? "no answer" : error.message;
  const text = answeredAt === undefined ? trouble : `${trouble}; this is as of ${timeText(answeredAt)}`;
  connection.className = "connection lost";
  if (connection.textContent !== text) connection.textContent = text;
}

async function live() {
  while (true) {
    if (!paused && !document.hidden) await attempt(tick, troubled);
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
}

let noticeTimer;
function notify(text) {
  byId("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (byId("notice").textContent = ""), 8000);
}

function choose(endpoint) {
  setFilter({ endpoint });
  narrowed();
}

function switchTo(id, enabled) {
  const asked = `New events are not stored for ${id} until it is enabled again. Disable it?`;
  if (!enabled && !confirm(asked)) return undefined;
  return attempt(async () => {
    await post(`/api/endpoints/${enabled ? "enable" : "disable"}?id=${encodeURIComponent(id)}`);
    notify(`${id} is ${enabled ? "enabled" : "disabled; what waits for it waits on"}.`);
    await refresh();
  });
}

function replay(id) {
  return attempt(async () => {
    await post(`/api/deliveries/${encodeURIComponent(id)}/replay`);
    notify("It will be delivered once more.");
    await refresh();
  });
}

function replayAll() {
  return attempt(async () => {
    const { state: _, ...conditions } = filter();
    const selection = { ...conditions, state: "dead" };
    const { replayed } = await post("/api/replay", { ...selection, dry_run: true });
    if (replayed.length === 0) return notify("No dead delivery matches.");
    const where = Object.values(conditions)
      .map((value) => `“${value}”`)
      .join(" and ");
    byId("confirm-text").textContent =
      `Replay ${countText(replayed.length, "dead delivery", "dead deliveries")}${where === "" ? "" : ` of ${where}`}?`;
    if ((await answerOf(byId("confirm"))) !== "yes") return;
    const done = await post("/api/replay", selection);
    notify(`${countText(done.replayed.length, "delivery", "deliveries")} will be delivered once more.`);
    await refresh();
  });
}

function answerOf(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }),
  );
}

function pause() {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Go on" : "Pause";
  byId("connection").textContent = paused ? "paused" : "live";
}

function closeDetail() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id === "") return;
  location.hash = "";
  document.querySelector(`#delivery-rows [data-key="${CSS.escape(id)}"] [data-part="open"]`)?.focus();
}

function chooseState(index) {
  document.querySelectorAll("#filter input[name=state]")[index].checked = true;
  narrowed();
}

byId("pause").addEventListener("click", pause);
byId("help-open").addEventListener("click", () => byId("help").showModal());
byId("replay-all").addEventListener("click", () => void replayAll());
addEventListener("hashchange", () => void attempt(refresh));
byId("delivery-rows").addEventListener("click", ({ target }) => {
  if (target.closest("a") === null) target.closest("tr")?.querySelector("a")?.click();
});
watchKeys({
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  r: () => byId("replay")?.click(),
  e: () => document.querySelector("#endpoint-rows [data-part=name]")?.focus(),
  p: pause,
  "/": () => byId("filter").elements.type.focus(),
  "?": () => byId("help").showModal(),
  Escape: closeDetail,
  ...Object.fromEntries([0, 1, 2, 3, 4].map((index) => [String(index), () => chooseState(index)])),
});
void live();
