/** The options of calls, in code and over HTTP. */
import { outcomes } from "../event/attempt-outcome.ts";
import type { AttemptQuery, DeliveryQuery, ReplaySelection } from "../event/delivery.ts";
import { inPlaces, list, object, oneOrMore } from "./composed.ts";
import { kindOf } from "./kind-of.ts";
import { anything, fitting, flag, number, oneOf, text, unixMs, whole } from "./kinds.ts";
import { wallNow } from "../time/timers.ts";
import { type Fields, type Setting, unfit } from "./setting.ts";

/** For single arguments. */
export { callable, flag } from "./kinds.ts";

const words = "a text that is not empty";
const idInCode = text(words, { pattern: /^[^]/ });

/** Ids and types are bounded, so that nobody's request makes a store look for a megabyte. */
const idInApi: Setting<string> = {
  expected: () => words,
  read: (value, site) => {
    const isLong = typeof value === "string" && value.length > 256;
    return isLong ? unfit("at most 256 characters", "more") : idInCode.read(value, site);
  },
};

const id = inPlaces({ code: idInCode, query: idInApi, body: idInApi });

const instantWords = "Unix milliseconds, or RFC 3339 such as 2026-01-31T12:00:00Z";
const instantText = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** In code it is a number, as everywhere. */
const instantInApi: Setting<number> = {
  expected: () => instantWords,
  read: (given) => {
    if (typeof given === "string") {
      const value = /^\d{1,15}$/.test(given)
        ? Number(given)
        : instantText.test(given)
          ? Date.parse(given)
          : NaN;
      return Number.isNaN(value) ? unfit(instantWords, "a text") : { value };
    }
    const isTime = typeof given === "number" && Number.isSafeInteger(given) && given >= 0;
    return isTime ? { value: given } : unfit(instantWords, kindOf(given));
  },
};

const time = inPlaces({ code: unixMs, query: instantInApi, body: instantInApi });

const typesWords = "event types or patterns such as order.*";

const typesInApi: Setting<string | readonly string[]> = {
  expected: (place) => (place === "query" ? `${typesWords}, with commas between them` : typesWords),
  read: (value, site) => {
    const several = typeof value === "string" && value.includes(",") ? value.split(",") : value;
    const words = `a list of ${typesWords}`;
    return (Array.isArray(several) ? list(idInApi, words, { min: 1, max: 100 }) : idInApi).read(
      several,
      site,
    );
  },
};

/** One type or pattern, or several. */
const types = inPlaces<string | readonly string[]>({
  code: oneOrMore(idInCode, list(idInCode, `a list of ${typesWords}`, { min: 1 })),
  query: typesInApi,
  body: typesInApi,
});

const conditions = {
  eventId: id,
  endpointId: { ...id, apiName: "endpoint" },
  eventType: { ...types, apiName: "type" },
  since: time,
  until: time,
  limit: inPlaces({ code: whole(1), query: whole(1, 1000), body: whole(1, 1_000_000) }),
} satisfies Fields<Omit<DeliveryQuery, "state" | "cursor" | "order">>;

const paging = {
  order: { ...oneOf(["newest", "oldest"]), default: "newest" },
  cursor: id,
} satisfies Fields<Pick<DeliveryQuery, "order" | "cursor">>;

/** Of `find()` and `GET /api/deliveries`. */
export const query = object<DeliveryQuery>({
  ...conditions,
  state: oneOf(["pending", "delivering", "delivered", "dead"]),
  ...paging,
});

const statusClass = text("a status such as 404, or a class such as 5xx", { pattern: /^[1-5](\d\d|xx)$/ });

/** Of `attempts()` and `GET /api/attempts`; `since` and `until` are of the attempts. */
export const attemptQuery = object<AttemptQuery>({
  eventId: conditions.eventId,
  endpointId: conditions.endpointId,
  eventType: conditions.eventType,
  outcome: oneOf(outcomes),
  status: statusClass,
  since: time,
  until: time,
  limit: inPlaces({ code: whole(1, 1000), query: whole(1, 1000) }),
  ...paging,
});

/** Of `replay()` and `POST /api/replay`; there, all dead deliveries are meant only where that is said. */
export const selection = object<ReplaySelection & { readonly all?: boolean }>({
  ...conditions,
  state: oneOf(["dead", "delivered"]),
  deliveryIds: inPlaces({
    code: list(idInCode, "a list of texts"),
    body: list(idInApi, "a list of at most 10000 delivery ids", { max: 10_000 }),
  }),
  dryRun: { ...flag, default: false },
  all: { ...flag, places: ["body"] },
});

/** Of `enableEndpoint()` and of the route that does it. */
export const reloading = object<{ readonly bury?: boolean }>({ bury: { ...flag, default: false } });

export interface Enabling {
  /** Delivers what it missed, too. @default false */
  readonly replay?: boolean;
}

export const enabling = object<Enabling>({ replay: { ...flag, default: false } });

/** How far ahead an event may be put off: further is rather a mistake of units. */
const farthestMs = 10 * 365 * 86_400_000;
const momentWords = "a Date or Unix milliseconds, at most ten years ahead";

const moment: Setting<number> = {
  expected: () => momentWords,
  read: (given) => {
    const value = given instanceof Date ? given.getTime() : given;
    if (typeof value !== "number") return unfit(momentWords, kindOf(given));
    if (!Number.isFinite(value)) return unfit(momentWords, "no time");
    return value - wallNow() > farthestMs ? unfit(momentWords, "one later than that") : { value };
  },
};

/** Which kinds of transactions there are is the outbox's matter. */
const handleWords = "a function, or an object such as a database handle";
const handle: Setting<unknown> = fitting(handleWords, (value): value is object => {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  return ["query", "prepare"].some((method) => method in value);
});

/** What `triggerEvent()` takes beside an event. */
export interface Triggering {
  readonly id?: string;
  readonly transaction?: unknown;
  readonly deliverAt?: Date | number;
  readonly expiresAt?: Date | number;
}

/** Times are Unix milliseconds. */
export interface ReadTriggering extends Omit<Triggering, "deliverAt" | "expiresAt"> {
  readonly deliverAt?: number;
  readonly expiresAt?: number;
}

/** Of `triggerEvent()`. */
export const triggering = object<ReadTriggering>({
  id: {
    ...text("1 to 255 visible ASCII characters", { pattern: /^[!-~]{1,255}$/ }),
    code: "EVENT_ID_INVALID",
  },
  transaction: handle,
  deliverAt: moment,
  expiresAt: moment,
});

/** The body of `POST /api/events`. */
export const submission = object<{ readonly eventType: string; readonly data?: unknown }>({
  eventType: { ...text("a text such as cache.updated", { pattern: /^/ }), required: true },
  data: anything,
});

/** Of `GET /api/activity`. */
export const activityQuery = object<{ readonly since?: number }>({ since: whole(0) });

/** Of requests that may say why. */
export const reasoned = object<{ readonly reason?: string }>({ reason: id });

/** Of requests that say it all by their path. */
export const nothing = object<object>({});

/** What stands beside the options of a call. Whether somebody declares the type is judged later. */
export const eventType: Setting<string> = {
  ...text("an event type such as cache.updated", { pattern: /^/ }),
  code: "EVENT_TYPE_UNKNOWN",
};
export const nonEmptyText = idInCode;
export const milliseconds = number(0, Number.POSITIVE_INFINITY, "milliseconds ");
