/** Says that this process is short of something, such as file descriptors: once in a while, not for every delivery. */
import type { Logger } from "../event/logger.ts";
import { throttle } from "../time/throttle.ts";

const intervalMs = 60_000;

export class Shortage {
  readonly #logger: Logger;
  readonly #countSince: (key: string, count: number) => number;

  constructor(logger: Logger, monotonic: () => number) {
    this.#logger = logger;
    this.#countSince = throttle(monotonic, intervalMs);
  }

  /** `code` is the system's word for it, such as EMFILE. */
  report(code: string, deliveries: number): void {
    const sinceLast = this.#countSince("", deliveries);
    if (sinceLast > 0)
      this.#logger.error({ code, deliveries: sinceLast }, "this process cannot send now: deliveries wait");
  }
}
