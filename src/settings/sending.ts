/** The settings of how an endpoint is sent to: what its answers mean, when it is left alone, what is posted together. */
import type {
  CircuitBreakerSettings,
  Sending,
  SendingSettings,
  StatusRule,
  StatusVerdict,
} from "../event/sending-settings.ts";
import { falseOr, object, record } from "./composed.ts";
import { callable, number, oneOf, seconds, text, whole } from "./kinds.ts";
import { type Fields, nameIn, type Problem, type Site } from "./setting.ts";

const breaker = {
  failures: { ...whole(1, 1_000_000), default: 5 },
  wait: { ...seconds(0.01, 86_400), default: 1 },
  maxWait: { ...seconds(0.01, 86_400), default: 60 },
  failureRate: number(0.01, 1),
  window: { ...seconds(1, 86_400), default: 60 },
  minimum: { ...whole(1, 1_000_000), default: 20 },
} satisfies Fields<CircuitBreakerSettings>;

const circuitBreaker = object<CircuitBreakerSettings>(breaker, { together: fitTogether });

/** The longest wait is no shorter than the first; what belongs to the rate says nothing without it. */
function fitTogether(settings: CircuitBreakerSettings, { place }: Site): Problem | undefined {
  const { wait = breaker.wait.default, maxWait, failureRate, window, minimum } = settings;
  const problem = (key: string, expected: string, got: number): Problem => ({
    path: [nameIn(place, key)],
    kind: "unfit",
    expected,
    got: `\`${got}\``,
  });
  if (maxWait !== undefined && maxWait < wait) {
    return problem("maxWait", `seconds from ${wait} to 86400`, maxWait);
  }
  if (failureRate !== undefined) return undefined;
  const absent = `absent where there is no \`${nameIn(place, "failureRate")}\``;
  if (window !== undefined) return problem("window", absent, window);
  return minimum === undefined ? undefined : problem("minimum", absent, minimum);
}

export const sending = {
  statusRules: record<StatusVerdict>(
    oneOf(["retry", "dead", "delivered", "disable"]),
    "a mapping of statuses such as 404 or 5xx to retry, dead, delivered or disable",
    { pattern: /^[345](\d\d|xx)$/, expected: "by statuses such as `404` or `5xx`, from 300 to 599" },
  ),
  circuitBreaker: falseOr(circuitBreaker),
  throttledWait: { ...seconds(0, 86_400), default: 10 },
  disableAfter: { ...seconds(0, 31_536_000), default: 432_000 },
  batch: object<NonNullable<SendingSettings["batch"]>>({
    maxEvents: { ...whole(1, 1000), required: true },
    maxWaitSeconds: { ...seconds(0, 3600), required: true },
  }),
  orderBy: text("a path into the event such as data.order_id", {
    pattern: /^[^.]{1,128}(\.[^.]{1,128}){0,15}$/,
  }),
  onDead: { ...oneOf(["block", "skip"]), default: "block" },
  maxAge: seconds(0.1, 31_536_000),
  transform: callable<NonNullable<SendingSettings["transform"]>>(),
} satisfies Fields<SendingSettings>;

/** Fills in the defaults of settings that were checked. */
export function resolveSending(settings: SendingSettings): Sending {
  const { statusRules, circuitBreaker = {}, batch, transform } = settings;
  const throttledWaitMs = (settings.throttledWait ?? sending.throttledWait.default) * 1000;
  const disableAfterMs = (settings.disableAfter ?? sending.disableAfter.default) * 1000;
  return {
    ...(statusRules === undefined ? {} : { statusRules: sortRules(statusRules) }),
    ...(circuitBreaker === false ? {} : { circuitBreaker: resolveBreaker(circuitBreaker) }),
    ...(throttledWaitMs === 0 ? {} : { throttledWaitMs }),
    ...(disableAfterMs === 0 ? {} : { disableAfterMs }),
    ...(batch === undefined
      ? {}
      : { batch: { maxEvents: batch.maxEvents, maxWaitMs: batch.maxWaitSeconds * 1000 } }),
    ...(settings.orderBy === undefined ? {} : { orderBy: settings.orderBy.split(".") }),
    onDead: settings.onDead ?? sending.onDead.default,
    ...(settings.maxAge === undefined ? {} : { maxAgeMs: settings.maxAge * 1000 }),
    ...(transform === undefined ? {} : { transform }),
  };
}

/** Single statuses come before classes, in whatever order they were written. */
function sortRules(rules: Readonly<Record<string, StatusVerdict>>): StatusRule[] {
  const checked = Object.entries(rules).map(
    ([key, verdict]): StatusRule => ({
      from: Number(key.replace("xx", "00")),
      to: Number(key.replace("xx", "99")),
      verdict,
    }),
  );
  return checked.sort((one, other) => one.to - one.from - (other.to - other.from));
}

function resolveBreaker(settings: CircuitBreakerSettings): NonNullable<Sending["circuitBreaker"]> {
  const { failures = breaker.failures.default, wait = breaker.wait.default } = settings;
  const { maxWait = Math.max(breaker.maxWait.default, wait) } = settings;
  const { failureRate, window = breaker.window.default, minimum = breaker.minimum.default } = settings;
  const rate = failureRate === undefined ? {} : { rate: { failureRate, windowMs: window * 1000, minimum } };
  return { failures, waitMs: wait * 1000, maxWaitMs: maxWait * 1000, ...rate };
}
