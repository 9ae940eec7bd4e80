/** The endpoints of the memory outbox, and their states. */
import type { EndpointState, StateChange, StoredEndpoint } from "../../event/endpoint-state.ts";
import { changedState } from "../state-change.ts";

export abstract class EndpointShelf {
  readonly #states = new Map<string, EndpointState>();
  readonly #endpoints = new Map<string, StoredEndpoint>();
  #version = 0;

  /** Changes made so far. */
  protected get version(): number {
    return this.#version;
  }

  async states(): Promise<readonly EndpointState[]> {
    this.assertOpen();
    return [...this.#states.values()];
  }

  async saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    this.assertOpen();
    const state = changedState(this.#states.get(endpointId) ?? { endpointId, status: "on" }, change);
    this.#states.set(endpointId, state);
    this.#version += 1;
    return state;
  }

  async loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    this.assertOpen();
    return [...this.#endpoints.values()];
  }

  async saveEndpoint(endpoint: StoredEndpoint): Promise<void> {
    this.assertOpen();
    this.#endpoints.set(endpoint.id, endpoint);
    this.#version += 1;
  }

  async removeEndpoint(endpointId: string): Promise<boolean> {
    this.assertOpen();
    this.#version += 1;
    this.#states.delete(endpointId);
    return this.#endpoints.delete(endpointId);
  }

  /** Throws CLOSED. */
  protected abstract assertOpen(): void;
}
