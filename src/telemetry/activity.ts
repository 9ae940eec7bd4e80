/** Remembers the last minutes for the console: attempts per second by outcome, and each endpoint's last attempt. */
import type { Outcome } from "../event/attempt-outcome.ts";
import type { Lifecycle } from "./lifecycle.ts";

interface ActiveSecond {
  /** Unix seconds. */
  readonly at: number;
  /** Attempts that ended in this second. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
}

export interface LastAttempt {
  /** When it ended, Unix milliseconds. */
  readonly at: number;
  readonly outcome: Outcome;
  readonly status?: number;
}

export interface Activity extends Lifecycle {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Grows with every fact that changes what a viewer sees. */
  readonly revision: number;
  /** Seconds in which attempts ended, from `second` on, oldest first. */
  secondsFrom(second: number): readonly ActiveSecond[];
  lastAttempt(endpointId: string): LastAttempt | undefined;
}

const keptSeconds = 300;
const maxEndpoints = 1000;

export function createActivity(now: () => number): Activity {
  /** In the order of time: a second is added when its first attempt ends. */
  const seconds = new Map<number, Partial<Record<Outcome, number>>>();
  const lastAttempts = new Map<string, LastAttempt>();
  let revision = 0;
  const changed = (): void => {
    revision += 1;
  };

  function addSecond(at: number): Partial<Record<Outcome, number>> {
    const outcomes = {};
    seconds.set(at, outcomes);
    for (const old of seconds.keys()) if (old <= at - keptSeconds) seconds.delete(old);
    return outcomes;
  }

  return {
    now,
    get revision() {
      return revision;
    },
    secondsFrom(second) {
      const recent = [...seconds].filter(([at]) => at >= second);
      return recent.map(([at, outcomes]) => ({ at, outcomes }));
    },
    lastAttempt: (endpointId) => lastAttempts.get(endpointId),
    attempted({ endpointId, outcome: { outcome, status } }) {
      changed();
      const at = now();
      const second = Math.floor(at / 1000);
      const outcomes = seconds.get(second) ?? addSecond(second);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      // Last in the order of the map is the one that was attempted last.
      lastAttempts.delete(endpointId);
      lastAttempts.set(endpointId, { at, outcome, ...(status === undefined ? {} : { status }) });
      // Endpoints come and go: what is remembered of them stays bounded.
      if (lastAttempts.size <= maxEndpoints) return;
      for (const stalest of lastAttempts.keys()) return void lastAttempts.delete(stalest);
    },
    stored: changed,
    buried: changed,
    endpointChanged: changed,
    circuitChanged: changed,
  };
}
