/** Endpoints that are data, and the states of all, as the Postgres outbox keeps them for every process. */
import type { EndpointState, StateChange, StoredEndpoint } from "../../event/endpoint-state.ts";
import { changedState } from "../state-change.ts";
import type { PostgresSession } from "./session.ts";

export class PostgresEndpoints {
  readonly #session: PostgresSession;
  readonly #changed: string;

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#changed = `UPDATE ${session.schema}.outbox_meta SET states = states + 1`;
  }

  async states(): Promise<readonly EndpointState[]> {
    const text = `SELECT state FROM ${this.#session.schema}.endpoint_state ORDER BY endpoint_id`;
    const rows = await this.#session.query(text, [], true);
    return rows.map(({ state }) => JSON.parse(state as string) as EndpointState);
  }

  saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    const table = `${this.#session.schema}.endpoint_state`;
    return this.#session.transaction(async (client) => {
      // Its lock lets one process after the other change a state.
      await client.query(this.#changed);
      const text = `SELECT state FROM ${table} WHERE endpoint_id = $1`;
      const { rows } = await client.query<{ state: string }>(text, [endpointId]);
      const stored = rows[0];
      const before: EndpointState =
        stored === undefined ? { endpointId, status: "on" } : (JSON.parse(stored.state) as EndpointState);
      const state = changedState(before, change);
      await client.query(
        `INSERT INTO ${table} (endpoint_id, state) VALUES ($1, $2)
          ON CONFLICT (endpoint_id) DO UPDATE SET state = excluded.state`,
        [endpointId, JSON.stringify(state)],
      );
      return state;
    });
  }

  async load(): Promise<readonly StoredEndpoint[]> {
    const text = `SELECT id, settings FROM ${this.#session.schema}.endpoint ORDER BY id`;
    const rows = await this.#session.query(text, [], true);
    return rows.map(({ id, settings }) => ({ id: id as string, settings: settings as string }));
  }

  save({ id, settings }: StoredEndpoint): Promise<void> {
    const text = `INSERT INTO ${this.#session.schema}.endpoint (id, settings) VALUES ($1, $2)
      ON CONFLICT (id) DO UPDATE SET settings = excluded.settings`;
    return this.#session.transaction(async (client) => {
      await client.query(this.#changed);
      await client.query(text, [id, settings]);
    });
  }

  remove(endpointId: string): Promise<boolean> {
    const { schema } = this.#session;
    return this.#session.transaction(async (client) => {
      await client.query(this.#changed);
      await client.query(`DELETE FROM ${schema}.endpoint_state WHERE endpoint_id = $1`, [endpointId]);
      await client.query(`DELETE FROM ${schema}.lane WHERE endpoint_id = $1`, [endpointId]);
      const { rowCount } = await client.query(`DELETE FROM ${schema}.endpoint WHERE id = $1`, [endpointId]);
      return (rowCount ?? 0) > 0;
    });
  }
}
