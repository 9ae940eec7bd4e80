/** Notices that the wall clock was set back, and makes due sooner what would now wait too long. */
import type { Endpoint } from "../event/endpoint.ts";
import type { Logger } from "../event/logger.ts";
import type { Outbox, PullBack } from "../outbox/outbox.ts";
import { retryAfterCapMs } from "./policy/retry.ts";
import { longestWaitMs } from "./policy/schedule.ts";

export interface ClockWatchOptions {
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly now: () => number;
  readonly monotonic: () => number;
}

/** Smaller steps keep a clock right, and only put a retry off by as much. */
const jumpMs = 1000;

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** Wall clock minus monotonic clock, when it was last looked at. */
  #offset: number;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#offset = this.#currentOffset();
  }

  /** Makes due earlier what waits longer than a receiver can ask for: the clock may have been set while no process ran. */
  atStart(endpoints: readonly Endpoint[]): Promise<void> {
    return this.#pullBack(endpoints, (endpoint, at) => [tooLate(endpoint, at, retryAfterCapMs)]);
  }

  /**
   * Where the clock was set back since the last look, what was due by then is due now, and what waits longer than any
   * schedule asks for is due earlier.
   */
  async look(endpoints: readonly Endpoint[]): Promise<void> {
    const offset = this.#currentOffset();
    const jumpedMs = offset - this.#offset;
    this.#offset = offset;
    if (jumpedMs > -jumpMs) return;
    this.#options.logger.warn({ by_ms: Math.round(jumpedMs) }, "the clock was set back");
    await this.#pullBack(endpoints, (endpoint, at) => [
      { beyond: at, upTo: at - Math.round(jumpedMs), dueAt: at },
      tooLate(endpoint, at, 0),
    ]);
  }

  async #pullBack(
    endpoints: readonly Endpoint[],
    plan: (endpoint: Endpoint, at: number) => readonly PullBack[],
  ): Promise<void> {
    const { outbox, logger, now } = this.#options;
    if (outbox.pullBack === undefined) return;
    try {
      const counts = await outbox.counts();
      const waiting = new Set(counts.flatMap(({ endpointId, pending }) => (pending > 0 ? [endpointId] : [])));
      const at = now();
      const pulled = endpoints
        .filter(({ id }) => waiting.has(id))
        .map(async (endpoint) => {
          let count = 0;
          for (const times of plan(endpoint, at)) count += (await outbox.pullBack?.(endpoint.id, times)) ?? 0;
          if (count > 0) logger.warn({ endpoint: endpoint.id, count }, "due times were pulled back");
        });
      await Promise.all(pulled);
    } catch (error) {
      logger.warn({ err: error }, "due times were not looked at");
    }
  }

  #currentOffset(): number {
    return this.#options.now() - this.#options.monotonic();
  }
}

/** What waits longer than any schedule asks for, and than `atLeastMs`, waits as long as a schedule can. */
function tooLate(endpoint: Endpoint, at: number, atLeastMs: number): PullBack {
  const dueAt = at + Math.round(longestWaitMs(endpoint));
  return { beyond: Math.max(dueAt, at + atLeastMs), dueAt };
}
