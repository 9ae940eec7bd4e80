/**
 * When to leave a failing endpoint alone, and when to try it again: states and their changes, pure.
 *
 * Closed, it opens on so many failures in a row (5: sony/gobreaker's default opens on the sixth; a share of a window,
 * as Convoy has it, needs ten requests in five minutes, which many endpoints never get). Open, nothing is sent for a
 * while that doubles each time; chance takes up to half of it away, so that processes do not probe together. Half-open,
 * exactly one post goes out, and closes or opens it again. An attempt that ends while it is open began
 * before, and does not count.
 *
 * A failure is what is worth another try: 5xx, 429, a timeout, a broken connection. An answer that makes a delivery
 * dead (404, 422) says that the endpoint is there and that this message is wrong: one bad message must not hold up
 * the others.
 */
import type { Endpoint } from "../../event/endpoint.ts";

export type Circuit =
  | { readonly state: "closed"; readonly failures: number }
  /** `openings` counts them since it was last closed; `until` is Unix milliseconds. */
  | { readonly state: "open"; readonly openings: number; readonly until: number }
  | { readonly state: "half_open"; readonly openings: number };

export const closedCircuit: Circuit = { state: "closed", failures: 0 };

/** Returns the circuit after an attempt that ended. Without settings it stays closed. */
export function afterAttempt(
  circuit: Circuit,
  failed: boolean,
  settings: Endpoint["circuitBreaker"],
  now: number,
  random: () => number,
): Circuit {
  if (settings === undefined || circuit.state === "open") return circuit;
  if (!failed) return closedCircuit;
  if (circuit.state === "closed" && circuit.failures + 1 < settings.failures) {
    return { state: "closed", failures: circuit.failures + 1 };
  }
  const openings = circuit.state === "closed" ? 1 : circuit.openings + 1;
  const longestMs = Math.min(settings.maxWaitMs, settings.waitMs * 2 ** (openings - 1));
  return { state: "open", openings, until: Math.round(now + longestMs * (0.5 + random() / 2)) };
}

/** Lets an open circuit be probed once its time is up. Ask only while nothing is in flight. */
export function afterWait(circuit: Circuit, now: number): Circuit {
  if (circuit.state !== "open" || now < circuit.until) return circuit;
  return { state: "half_open", openings: circuit.openings };
}

/** Ends the wait of an open circuit: somebody says that the endpoint is well again. */
export function withoutWait(circuit: Circuit, now: number): Circuit {
  return circuit.state === "open" ? { ...circuit, until: now } : circuit;
}
