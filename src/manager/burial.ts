/** Makes dead what waits for an endpoint that was removed for good, and tells how much that was. */
import { endpointRemoved } from "../delivery/settling.ts";
import type { Logger } from "../event/logger.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Intake } from "./intake.ts";

export interface BurialOptions {
  readonly outbox: Outbox;
  readonly intake: Pick<Intake, "stored">;
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  /** Tells whether this process has an endpoint of that id, perhaps again. */
  readonly isEndpoint: (endpointId: string) => boolean;
}

export class Burial {
  readonly #options: BurialOptions;

  constructor(options: BurialOptions) {
    this.#options = options;
  }

  /** Buries what waits now, and then what is on its way into the outbox. Never rejects. */
  async of(endpointId: string): Promise<void> {
    const { intake, isEndpoint } = this.#options;
    const stored = intake.stored();
    await this.#bury(endpointId);
    await stored;
    if (!isEndpoint(endpointId)) await this.#bury(endpointId);
  }

  async #bury(endpointId: string): Promise<void> {
    const { outbox, lifecycle, logger } = this.#options;
    try {
      const count = await outbox.bury(endpointId, endpointRemoved);
      if (count > 0) lifecycle.buried({ endpointId, count, reason: endpointRemoved });
    } catch (error) {
      logger.warn({ err: error, endpoint: endpointId }, "bury failed");
    }
  }

  /** Says how much of an endpoint's is kept where only the configuration does not name it any more. Never rejects. */
  async keep(endpointIds: readonly string[]): Promise<void> {
    const { outbox, logger } = this.#options;
    if (endpointIds.length === 0) return;
    try {
      for (const { endpointId, pending, delivering } of await outbox.counts()) {
        const count = pending + delivering;
        if (count === 0 || !endpointIds.includes(endpointId)) continue;
        logger.warn({ endpoint: endpointId, count }, "what waits for a removed endpoint is kept");
      }
    } catch (error) {
      logger.warn({ err: error }, "what waits for removed endpoints was not counted");
    }
  }
}
