/**
 * When to leave a failing endpoint alone, and when to try it again: states and their changes, pure.
 *
 * Closed, it opens on so many failures in a row (5: sony/gobreaker's default opens on the sixth), and where the
 * endpoint's settings name one, on a share of failures within a window: one that fails four times of five never fails
 * five times in a row for long. Open, nothing is sent for a while that doubles each time; chance takes up to half of it
 * away, so that processes do not probe together. Half-open, exactly one post goes out, and closes or opens it again.
 * An attempt that ends while it is open began before, and does not count.
 *
 * A failure is what is worth another try: 5xx, 429, a timeout, a broken connection. An answer that makes a delivery
 * dead (404, 422) says that the endpoint is there and that this message is wrong: one bad message must not hold up
 * the others.
 */
import type { Endpoint } from "../../event/endpoint.ts";
import { countAttempt, excessiveRate, type Slice } from "./failure-rate.ts";

export type Circuit = ClosedCircuit | OpenCircuit | HalfOpenCircuit;

interface ClosedCircuit {
  readonly state: "closed";
  /** In a row. */
  readonly failures: number;
  /** The attempts of the last while, where their share of failures counts. */
  readonly slices?: readonly Slice[];
}

interface OpenCircuit {
  readonly state: "open";
  /** Since it was last closed. */
  readonly openings: number;
  /** When it may be probed. */
  readonly until: number;
  /** The share of failures that opened it, where it was that. */
  readonly failureRate?: number;
}

interface HalfOpenCircuit {
  readonly state: "half_open";
  readonly openings: number;
}

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
  if (circuit.state === "half_open") {
    return failed ? opened(circuit.openings + 1, settings, now, random) : closedCircuit;
  }
  const { rate } = settings;
  const slices = rate && countAttempt(circuit.slices ?? [], failed, rate, now);
  const failures = failed ? circuit.failures + 1 : 0;
  if (failed && failures >= settings.failures) return opened(1, settings, now, random);
  // Not by a success, though the share may still be too large: it says that the endpoint is there.
  const failureRate = failed && slices && excessiveRate(slices, rate);
  if (typeof failureRate === "number") return { ...opened(1, settings, now, random), failureRate };
  if (slices !== undefined) return { state: "closed", failures, slices };
  return failures === 0 ? closedCircuit : { state: "closed", failures };
}

function opened(
  openings: number,
  { waitMs, maxWaitMs }: NonNullable<Endpoint["circuitBreaker"]>,
  now: number,
  random: () => number,
): OpenCircuit {
  const longestMs = Math.min(maxWaitMs, waitMs * 2 ** (openings - 1));
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
