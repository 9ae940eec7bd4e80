/** What the Redis outbox keeps of endpoints, and what it cannot do for single deliveries. */
import { WebhookError } from "../../event/errors.ts";
import type { EndpointState, StateChange, StoredEndpoint } from "../../event/endpoint-state.ts";
import type { Ended, Intervened, MissedPage } from "../outbox.ts";
import { changedState } from "../state-change.ts";
import type { RedisSession } from "./session.ts";

export class RedisKeeping {
  readonly #session: RedisSession;

  constructor(session: RedisSession) {
    this.#session = session;
  }

  async states(): Promise<readonly EndpointState[]> {
    const states = await this.#session.use(({ client }) => client.hvals(this.#key("states")));
    return states.map((state) => JSON.parse(state) as EndpointState);
  }

  async saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    return this.#session.use(async ({ client }) => {
      const written = await client.hget(this.#key("states"), endpointId);
      const before: EndpointState =
        written === null ? { endpointId, status: "on" } : (JSON.parse(written) as EndpointState);
      const state = changedState(before, change);
      await client
        .multi()
        .hset(this.#key("states"), endpointId, JSON.stringify(state))
        .incr(this.#key("version"))
        .exec();
      return state;
    });
  }

  async loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    const stored = await this.#session.use(({ client }) => client.hgetall(this.#key("stored")));
    return Object.entries(stored).map(([id, settings]) => ({ id, settings }));
  }

  async saveEndpoint({ id, settings }: StoredEndpoint): Promise<void> {
    await this.#session.use(({ client }) =>
      client.multi().hset(this.#key("stored"), id, settings).incr(this.#key("version")).exec(),
    );
  }

  async removeEndpoint(endpointId: string): Promise<boolean> {
    return this.#session.use(async ({ client }) => {
      const removed = await client.hdel(this.#key("stored"), endpointId);
      await client.multi().hdel(this.#key("states"), endpointId).incr(this.#key("version")).exec();
      return removed > 0;
    });
  }

  async expire(): Promise<readonly Ended[]> {
    return [];
  }

  async sendNow(): Promise<Intervened> {
    throw impossible("send or cancel a delivery by hand");
  }

  async cancel(): Promise<Intervened> {
    throw impossible("send or cancel a delivery by hand");
  }

  async missed(): Promise<MissedPage> {
    return { events: [] };
  }

  async add(): Promise<number> {
    throw impossible("add deliveries to a stored event");
  }

  /** Changes made so far. */
  protected async version(): Promise<number> {
    return Number(await this.#session.use(({ client }) => client.get(this.#key("version"))));
  }

  #key(name: string): string {
    return `${this.#session.prefix}:${name}`;
  }
}

function impossible(what: string): WebhookError {
  return new WebhookError("CONFIG_INVALID", `The Redis outbox cannot ${what}`, {
    remedy: "Use another outbox for this.",
  });
}
