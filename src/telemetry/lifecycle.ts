/**
 * The contract for observers: facts in the past tense, in the order of the story.
 *
 * Every method is optional, synchronous and isolated: one that throws is counted and logged, and disturbs nobody.
 */
import type { AttemptOutcome } from "../event/attempt-outcome.ts";

/** Why an event is let go by a fault. */
export const dropFaults = [
  "translate_failed",
  "filter_failed",
  "transform_failed",
  "data_invalid",
  "outbox_failed",
  "loop",
] as const;

/** Every reason to let an event go: a fault, or a setting that does its work. */
export const dropReasons = [...dropFaults, "sampled", "coalesced", "rate_limited"] as const;

export type DropReason = (typeof dropReasons)[number];

/** What a program gives in that is called while events go their way, and loses no event where it fails. */
export const givenFunctions = ["handler", "logger", "now", "random"] as const;

export interface AttemptedFact {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly attempt: number;
  readonly replay: number;
  readonly outcome: AttemptOutcome;
  /** What follows: `delivered`, `retry` or `dead`. */
  readonly next: "delivered" | "retry" | "dead";
  /** When the retry is due, Unix milliseconds. */
  readonly nextAt?: number | undefined;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

interface DroppedFact {
  readonly source: string;
  readonly reason: DropReason;
  readonly count: number;
  /** Where only this endpoint goes without. */
  readonly endpointId?: string;
  readonly error?: unknown;
}

export interface SettledFact {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly outcome: "delivered" | "dead";
  readonly reason?: string | undefined;
  /** From acceptance to now. */
  readonly lagMs: number;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

interface FailingFact {
  readonly endpointId: string;
  /** Unix milliseconds. */
  readonly since: number;
  /** Of the time after which it is switched off, where it did nothing but fail. */
  readonly percent?: number;
  /** When it will be switched off, Unix milliseconds. */
  readonly disableAt?: number;
  /** The share of attempts that failed, for which its circuit opened. */
  readonly failureRate?: number;
}

export interface Lifecycle {
  /** An event was made and will be routed. `source` is the plugin's name, or `api`. */
  published?(fact: { readonly eventId: string; readonly eventType: string; readonly source: string }): void;
  /** An event or component event was let go on purpose or by a fault. */
  dropped?(fact: DroppedFact): void;
  /** The outbox has the event. */
  stored?(fact: { readonly eventId: string; readonly eventType: string; readonly deliveries: number }): void;
  /** One HTTP attempt ended. */
  attempted?(fact: AttemptedFact): void;
  /** A delivery reached its end. */
  settled?(fact: SettledFact): void;
  /** What waited for an endpoint is dead with it; nobody looked at each delivery. */
  buried?(fact: { readonly endpointId: string; readonly count: number; readonly reason: string }): void;
  /** An endpoint came, went, or was switched. */
  endpointChanged?(fact: {
    readonly endpointId: string;
    readonly enabled: boolean;
    readonly reason: string;
  }): void;
  /** An endpoint's circuit breaker opened, lets one post through, or closed. */
  circuitChanged?(fact: {
    readonly endpointId: string;
    readonly state: "closed" | "half_open" | "open";
    /** When an open one is probed, Unix milliseconds. */
    readonly until?: number;
  }): void;
  /** An endpoint has done nothing but fail for much of the time it may, or too large a share of its attempts failed. */
  endpointFailing?(fact: FailingFact): void;
  /** A plugin threw; the component it watches did not notice. */
  pluginFailed?(fact: { readonly plugin: string; readonly during: string; readonly error: unknown }): void;
  /** An outbox operation ended. */
  outboxUsed?(fact: {
    readonly operation: string;
    readonly durationMs: number;
    readonly error?: unknown;
  }): void;
  /** A function of the program threw, or gave what it must not; the event went on without it. */
  functionFailed?(fact: {
    readonly function: (typeof givenFunctions)[number];
    readonly error: unknown;
  }): void;
  /** An observer threw when it was told a fact; the others were told all the same. */
  observerFailed?(fact: { readonly fact: Fact; readonly error: unknown }): void;
}

type Fact = Exclude<keyof Lifecycle, "observerFailed">;

/** Tells every observer every fact, and of every observer that throws. Observers that lack a method cost nothing. */
export function combineObservers(observers: readonly Lifecycle[]): Required<Lifecycle> {
  function tell<Name extends keyof Lifecycle>(
    name: Name,
    onError: (error: unknown) => void = (error) => observerFailed({ fact: name as Fact, error }),
  ): Required<Lifecycle>[Name] {
    const listeners = observers.filter((observer) => observer[name] !== undefined);
    return function telling(fact: never): void {
      for (const observer of listeners) {
        try {
          (observer[name] as (fact: never) => void)(fact);
        } catch (error) {
          onError(error);
        }
      }
    } as Required<Lifecycle>[Name];
  }
  // One that throws here too is not told of again.
  const observerFailed = tell("observerFailed", () => undefined);
  return {
    published: tell("published"),
    dropped: tell("dropped"),
    stored: tell("stored"),
    attempted: tell("attempted"),
    settled: tell("settled"),
    buried: tell("buried"),
    endpointChanged: tell("endpointChanged"),
    circuitChanged: tell("circuitChanged"),
    endpointFailing: tell("endpointFailing"),
    pluginFailed: tell("pluginFailed"),
    outboxUsed: tell("outboxUsed"),
    functionFailed: tell("functionFailed"),
    observerFailed,
  };
}
