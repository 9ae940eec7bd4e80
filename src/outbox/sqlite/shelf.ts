/** What the SQLite outbox keeps of endpoints: their states, those that are data, and a number that goes up with each change. */
import type { Database, Statement } from "./driver.ts";
import type { EndpointState, StateChange, StoredEndpoint } from "../../event/endpoint-state.ts";
import { changedState } from "../state-change.ts";

export class SqliteShelf {
  readonly #version: Statement<[], number>;
  readonly #change: Statement<[]>;
  readonly #states: Statement<[], string>;
  readonly #state: Statement<[string], string>;
  readonly #saveState: Statement<[string, string]>;
  readonly #forgetState: Statement<[string]>;
  readonly #endpoints: Statement<[], StoredEndpoint>;
  readonly #saveEndpoint: Statement<[string, string]>;
  readonly #removeEndpoint: Statement<[string]>;

  constructor(database: Database) {
    this.#version = database.prepare<[], number>("SELECT version FROM store").pluck();
    this.#change = database.prepare("UPDATE store SET version = version + 1");
    this.#states = database.prepare<[], string>("SELECT state FROM states ORDER BY id").pluck();
    this.#state = database.prepare<[string], string>("SELECT state FROM states WHERE id = ?").pluck();
    this.#saveState = database.prepare("INSERT OR REPLACE INTO states VALUES (?, ?)");
    this.#forgetState = database.prepare("DELETE FROM states WHERE id = ?");
    this.#endpoints = database.prepare("SELECT id, settings FROM stored_endpoints ORDER BY id");
    this.#saveEndpoint = database.prepare("INSERT OR REPLACE INTO stored_endpoints VALUES (?, ?)");
    this.#removeEndpoint = database.prepare("DELETE FROM stored_endpoints WHERE id = ?");
  }

  /** 0 before the first change. */
  version(): number {
    return this.#version.get() ?? 0;
  }

  states(): EndpointState[] {
    return this.#states.all().map((state) => JSON.parse(state) as EndpointState);
  }

  /** Within a transaction, like all that follow. */
  saveState(endpointId: string, change: StateChange): EndpointState {
    const written = this.#state.get(endpointId);
    const before: EndpointState =
      written === undefined ? { endpointId, status: "on" } : (JSON.parse(written) as EndpointState);
    const state = changedState(before, change);
    this.#saveState.run(endpointId, JSON.stringify(state));
    this.#change.run();
    return state;
  }

  endpoints(): StoredEndpoint[] {
    return this.#endpoints.all();
  }

  saveEndpoint({ id, settings }: StoredEndpoint): void {
    this.#saveEndpoint.run(id, settings);
    this.#change.run();
  }

  removeEndpoint(id: string): boolean {
    const { changes } = this.#removeEndpoint.run(id);
    this.#forgetState.run(id);
    this.#change.run();
    return changes > 0;
  }
}
