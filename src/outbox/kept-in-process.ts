/** What a store that cannot keep endpoints and their states keeps in the process instead: gone with it, heard of by no other. */
import type { EndpointState, StateChange, StoredEndpoint } from "../event/endpoint-state.ts";
import type { Ended, Intervened, MissedPage } from "./outbox.ts";
import { changedState } from "./state-change.ts";

export class KeptInProcess {
  readonly #states = new Map<string, EndpointState>();
  readonly #endpoints = new Map<string, StoredEndpoint>();

  async states(): Promise<readonly EndpointState[]> {
    return [...this.#states.values()];
  }

  async saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    const state = changedState(this.#states.get(endpointId) ?? { endpointId, status: "on" }, change);
    this.#states.set(endpointId, state);
    return state;
  }

  async loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    return [...this.#endpoints.values()];
  }

  async saveEndpoint(endpoint: StoredEndpoint): Promise<void> {
    this.#endpoints.set(endpoint.id, endpoint);
  }

  async removeEndpoint(endpointId: string): Promise<boolean> {
    this.#states.delete(endpointId);
    return this.#endpoints.delete(endpointId);
  }

  async expire(): Promise<readonly Ended[]> {
    return [];
  }

  async sendNow(): Promise<Intervened> {
    return "unknown";
  }

  async cancel(): Promise<Intervened> {
    return "unknown";
  }

  async missed(): Promise<MissedPage> {
    return { events: [] };
  }

  async add(): Promise<number> {
    return 0;
  }
}
