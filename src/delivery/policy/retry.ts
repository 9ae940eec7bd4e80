/** What follows an attempt: delivered, again later, or dead. Pure: chance and time come in as arguments. */
import type { AttemptOutcome, Outcome } from "../../event/attempt-outcome.ts";
import type { Endpoint } from "../../event/endpoint.ts";
import type { StatusRule, StatusVerdict } from "../../event/sending-settings.ts";
import type { Settlement } from "../../outbox/outbox.ts";

const baseMs = 1000;
const factor = 2;
const capMs = 3_600_000;
/** The longest wait that a receiver can ask for. */
export const retryAfterCapMs = 86_400_000;

/**
 * First range that holds the status decides; what none holds (3xx, 5xx) is tried again. 408, 425 and 429 ask for
 * another try (RFC 9110, 8470, 6585); 410 says that the endpoint is gone for good (Standard Webhooks).
 */
const usualRules: readonly StatusRule[] = [
  { from: 200, to: 299, verdict: "delivered" },
  { from: 408, to: 408, verdict: "retry" },
  { from: 410, to: 410, verdict: "disable" },
  { from: 425, to: 425, verdict: "retry" },
  { from: 429, to: 429, verdict: "retry" },
  { from: 400, to: 499, verdict: "dead" },
];

/** Without a status, these end the same way however often they are tried. */
const hopeless: ReadonlySet<Outcome> = new Set(["blocked", "unsendable"]);

/**
 * Says what an outcome means: by the endpoint's rules, then the usual ones. Without a status everything is worth
 * another try but a refused address and what cannot be sent at all. `webhook-delivery: abort-message` makes dead what
 * would have been tried again.
 */
export function verdictOf(outcome: AttemptOutcome, ownRules?: readonly StatusRule[]): StatusVerdict {
  const { status, control } = outcome;
  if (status === undefined) return hopeless.has(outcome.outcome) ? "dead" : "retry";
  const holds = ({ from, to }: StatusRule): boolean => status >= from && status <= to;
  const verdict = (ownRules?.find(holds) ?? usualRules.find(holds))?.verdict ?? "retry";
  return control === "abort-message" && verdict === "retry" ? "dead" : verdict;
}

/** Says why the receiver wants nothing more, where it does: by its status or by `webhook-delivery: disable`. */
export function disableReason(outcome: AttemptOutcome, verdict: StatusVerdict): string | undefined {
  if (outcome.control === "disable") return "webhook-delivery: disable";
  return verdict === "disable" ? `http_${outcome.status}` : undefined;
}

/** Decides what becomes of a delivery after its attempt number `attempt` (from 1) ended at `nowMs`. */
export function decideSettlement(
  outcome: AttemptOutcome,
  attempt: number,
  endpoint: Pick<Endpoint, "retries" | "retryScheduleMs" | "statusRules" | "throttledWaitMs">,
  nowMs: number,
  random: () => number,
): Settlement {
  const verdict = verdictOf(outcome, endpoint.statusRules);
  if (verdict === "delivered") return { kind: "delivered" };
  if (verdict !== "retry" || attempt > endpoint.retries)
    return { kind: "dead", reason: deathReason(outcome) };
  const planned = retryDelayMs(attempt, endpoint.retryScheduleMs, random);
  const asked = Math.min(outcome.retryAfterMs ?? leastWaitMs(outcome, endpoint, random), retryAfterCapMs);
  return { kind: "retry", dueAt: Math.round(nowMs + Math.max(planned, asked)), reason: outcome.outcome };
}

/** Whoever asks for fewer requests, and not for how long, is not asked again after a second. */
function leastWaitMs(
  { status }: AttemptOutcome,
  { throttledWaitMs = 0 }: Pick<Endpoint, "throttledWaitMs">,
  random: () => number,
): number {
  return status === 429 ? throttledWaitMs * (1 + 0.1 * random()) : 0;
}

function deathReason({ outcome, detail, control }: AttemptOutcome): string {
  if (control === "abort-message") return "webhook-delivery: abort-message";
  return outcome === "unsendable" && detail !== undefined ? `${outcome}: ${detail}` : outcome;
}

/**
 * The wait before retry number `retry` (from 1). Without a schedule: 1 s, 2 s, 4 s … up to 1 h, each spread over
 * half to one and a half of it. With a schedule: its entry, the last one repeating, plus up to a tenth.
 */
export function retryDelayMs(
  retry: number,
  scheduleMs: readonly number[] | undefined,
  random: () => number,
): number {
  if (scheduleMs === undefined)
    return Math.min(capMs, Math.min(capMs, baseMs * factor ** (retry - 1)) * (0.5 + random()));
  const planned = scheduleMs[Math.min(retry, scheduleMs.length) - 1] ?? 0;
  return planned * (1 + 0.1 * random());
}
