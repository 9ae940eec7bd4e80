/** One delivery: its state, why, every attempt, and what became of its event elsewhere. */
import { byId, h, replaceKeepingFocus } from "./dom.js";
import { countText, durationText, meaningOf, timeText } from "./words.js";

const verdicts = { in_progress: "delivering", waiting: "pending", not_routed: "not routed" };

/** Shows what to do where none is open. `replay(id)` is the one action. */
export function showDetail(delivery, explanation, now, replay) {
  const body = byId("detail-body");
  const shown = JSON.stringify([
    delivery,
    explanation,
    delivery?.state === "pending" ? Math.floor(now / 1000) : 0,
  ]);
  if (body.shown === shown) return;
  const fresh = h(
    "div",
    { id: "detail-body", class: "scroll", tabindex: "-1" },
    ...contentOf(delivery, explanation, now, replay),
  );
  fresh.shown = shown;
  const { scrollTop } = body;
  replaceKeepingFocus(body, fresh);
  fresh.scrollTop = scrollTop;
}

function contentOf(delivery, explanation, now, replay) {
  if (delivery === undefined) {
    return [h("p", { class: "empty" }, "Open a delivery to see its attempts and why it is where it is.")];
  }
  const finished = delivery.state === "delivered" || delivery.state === "dead";
  return [
    h(
      "div",
      { class: "title" },
      h("span", { class: `chip ${delivery.state}` }, delivery.state),
      h("strong", {}, delivery.eventType),
      h("span", { class: "to" }, "to"),
      h("strong", {}, delivery.endpointId),
      h(
        "button",
        {
          type: "button",
          id: "replay",
          "data-part": "replay",
          class: "strong",
          disabled: !finished,
          onclick: () => replay(delivery.id),
        },
        "Replay",
      ),
    ),
    h("p", { class: "why" }, whyOf(delivery, explanation, now)),
    h(
      "dl",
      { class: "facts" },
      ...fact("Delivery", h("code", {}, delivery.id)),
      ...fact("Event", h("code", {}, delivery.eventId)),
      ...fact("Accepted", timeText(delivery.createdAt)),
      ...fact(finished ? "Finished" : "Due", timeText(delivery.dueAt)),
      ...(delivery.replays > 0 ? fact("Replayed", countText(delivery.replays, "time")) : []),
    ),
    h("h3", {}, "Attempts"),
    delivery.attempts.length === 0 ? h("p", { class: "empty" }, "None yet.") : attempts(delivery.attempts),
    ...(explanation === undefined
      ? []
      : [h("h3", {}, "This event elsewhere"), elsewhere(explanation, delivery.id)]),
  ];
}

function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value)];
}

function whyOf({ id, state, reason, attempts, dueAt }, explanation, now) {
  const word = explanation?.endpoints.find(({ deliveryId }) => deliveryId === id)?.reason ?? reason;
  const because = word === undefined ? "" : sentence(meaningOf(word));
  if (state === "delivered") return `Delivered with attempt ${attempts.at(-1)?.number ?? 1}.`;
  if (state === "dead") return `Dead after ${countText(attempts.length, "attempt")}. ${because}`;
  if (state === "delivering") return "An attempt is running.";
  if (dueAt - now < 1000) return `Due. ${because}`;
  return `Next try in ${durationText(dueAt - now)}. ${because}`;
}

function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}

function attempts(all) {
  const head = ["#", "Outcome", "Status", "Took", "Started", "Trace"].map((name) =>
    h("th", { scope: "col" }, name),
  );
  const rows = [...all]
    .reverse()
    .flatMap((attempt) => [
      h(
        "tr",
        {},
        h(
          "td",
          {},
          attempt.replay > 0 ? `${attempt.number} (replay ${attempt.replay})` : String(attempt.number),
        ),
        h("td", {}, h("span", { class: `swatch ${attempt.outcome.replaceAll("_", "-")}` }), attempt.outcome),
        h("td", {}, String(attempt.status ?? "")),
        h("td", {}, `${attempt.durationMs.toFixed(attempt.durationMs < 10 ? 1 : 0)} ms`),
        h("td", {}, timeText(attempt.startedAt)),
        h(
          "td",
          {},
          attempt.traceId === undefined
            ? ""
            : h("code", { title: attempt.traceId }, attempt.traceId.slice(0, 8)),
        ),
      ),
      ...(attempt.response === undefined
        ? []
        : [h("tr", { class: "answer" }, h("td", { colspan: "6" }, h("pre", {}, attempt.response)))]),
    ]);
  return h("table", { class: "attempts" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
}

function elsewhere({ endpoints }, deliveryId) {
  const others = endpoints.filter((each) => each.deliveryId !== deliveryId);
  if (others.length === 0)
    return h("p", { class: "empty" }, "No other endpoint was there when it was published.");
  const rows = others.map(({ endpointId, verdict, reason, deliveryId: id }) => {
    const state = verdicts[verdict] ?? verdict;
    const name =
      id === undefined ? endpointId : h("a", { href: `#${id}`, "data-part": `other-${id}` }, endpointId);
    return h(
      "tr",
      {},
      h("td", {}, h("span", { class: `chip ${state.replace(" ", "-")}` }, state)),
      h("td", {}, name),
      h("td", { class: "sub" }, reason),
    );
  });
  return h("table", {}, h("tbody", {}, ...rows));
}
