/** What the store keeps of endpoints: changes are written to it, one after the other, and read from it. */
import type { EndpointState, StateChange } from "../event/endpoint-state.ts";
import type { Logger } from "../event/logger.ts";
import type { Outbox } from "../outbox/outbox.ts";

export interface EndpointStatesOptions {
  readonly outbox: Outbox;
  readonly logger: Logger;
}

export class EndpointStates {
  readonly #options: EndpointStatesOptions;
  /** What is being written, by endpoint: until then, what the store says is old. */
  readonly #writing = new Map<string, Promise<void>>();
  readonly #known = new Map<string, EndpointState>();

  constructor(options: EndpointStatesOptions) {
    this.#options = options;
  }

  /** What the store said when it was last read. */
  get(endpointId: string): EndpointState | undefined {
    return this.#known.get(endpointId);
  }

  /** Writes a change; one that fails is logged, and holds in this process alone. */
  remember(endpointId: string, change: StateChange): void {
    const before = this.#writing.get(endpointId) ?? Promise.resolve();
    const written = before.then(() => this.#write(endpointId, change));
    this.#writing.set(endpointId, written);
    void written.then(() => {
      if (this.#writing.get(endpointId) === written) this.#writing.delete(endpointId);
    });
  }

  /** Resolves when every change is written, or has failed. */
  async written(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  /** Returns the states of which nothing is being written. Never rejects. */
  async read(): Promise<readonly EndpointState[]> {
    const { outbox, logger } = this.#options;
    try {
      const states = await outbox.states();
      const settled = states.filter(({ endpointId }) => !this.#writing.has(endpointId));
      for (const state of settled) this.#known.set(state.endpointId, state);
      return settled;
    } catch (error) {
      logger.warn({ err: error }, "the states of endpoints were not read");
      return [];
    }
  }

  async #write(endpointId: string, change: StateChange): Promise<void> {
    const { outbox, logger } = this.#options;
    try {
      this.#known.set(endpointId, await outbox.saveState(endpointId, change));
    } catch (error) {
      logger.warn({ err: error, endpoint: endpointId }, "the state of an endpoint was not kept");
    }
  }
}
