/** Event types, and the patterns over them that settings may hold. */
import { cutText } from "../event/cut-text.ts";
import { isEventPattern } from "../event/event-types.ts";
import { kindOf, shown } from "./kind-of.ts";
import { list } from "./composed.ts";
import { type Setting, unfit } from "./setting.ts";

const expected = "an event type such as cache.updated, or a pattern such as cache.* or *";

const eventPattern: Setting<string> = {
  expected: (place) => (place === "code" ? expected : `${expected}; put * in quotes`),
  read: (value, { place }) => {
    if (typeof value === "string" && isEventPattern(value)) return { value };
    const got = typeof value === "string" ? shown(cutText(value, 128)) : kindOf(value);
    return unfit(eventPattern.expected(place), got);
  },
};

/** What an endpoint gets. An empty list would be an endpoint that gets nothing, which nobody means. */
export const endpointEventTypes: Setting<readonly string[]> = list(
  eventPattern,
  "a list of event types, which is left out for every type",
  { min: 1 },
);

/** What the program declares; there may be none. */
export const declaredEventTypes: Setting<readonly string[]> = {
  ...list(eventPattern, "a list of event types"),
  code: "EVENT_TYPE_UNKNOWN",
};
