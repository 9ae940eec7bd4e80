/** Says that this process is short of something, such as file descriptors: once in a while, not for every delivery. */
import type { Logger } from "../event/logger.ts";

const intervalMs = 60_000;

export class Shortage {
  readonly #logger: Logger;
  readonly #monotonic: () => number;
  #toldAt = Number.NEGATIVE_INFINITY;
  #since = 0;

  constructor(logger: Logger, monotonic: () => number) {
    this.#logger = logger;
    this.#monotonic = monotonic;
  }

  /** `code` is the system's word for it, such as EMFILE. */
  report(code: string, deliveries: number): void {
    this.#since += deliveries;
    const at = this.#monotonic();
    if (at - this.#toldAt < intervalMs) return;
    this.#toldAt = at;
    this.#logger.error({ code, deliveries: this.#since }, "this process cannot send now: deliveries wait");
    this.#since = 0;
  }
}
