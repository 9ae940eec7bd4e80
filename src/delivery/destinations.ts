/** The endpoints that a worker delivers to, by id, and those that are gone while their last posts run. */
import type { Destination } from "./destination.ts";

export class Destinations extends Map<string, Destination> {
  readonly #leaving = new Set<Destination>();
  /** Those of them that are gone for good, with all that waits for them. */
  readonly #buried = new Set<Destination>();

  /** Puts the new one in place first: what the old one then hands back goes to the new one. */
  put(destination: Destination): void {
    const { id } = destination.endpoint;
    const before = this.get(id);
    this.set(id, destination);
    if (before !== undefined) this.#leave(before);
  }

  remove(endpointId: string, bury: boolean): void {
    const destination = this.get(endpointId);
    if (destination === undefined) return;
    this.delete(endpointId);
    if (bury) this.#buried.add(destination);
    this.#leave(destination);
  }

  /** Tells whether an endpoint was removed for good, as long as anything of it is in its lane. */
  isBuried(endpointId: string): boolean {
    if (this.#buried.size === 0 || this.has(endpointId)) return false;
    return [...this.#buried].some(({ endpoint }) => endpoint.id === endpointId);
  }

  get idle(): boolean {
    for (const { lane } of this.values()) if (!lane.idle) return false;
    for (const { lane } of this.#leaving) if (!lane.idle) return false;
    return true;
  }

  /** No lane takes anything more; what runs goes on to its end. */
  close(): void {
    for (const { lane } of this.values()) lane.close();
  }

  #leave(destination: Destination): void {
    destination.leave();
    for (const other of this.#leaving) if (other.lane.idle) this.#forget(other);
    this.#leaving.add(destination);
  }

  #forget(destination: Destination): void {
    this.#leaving.delete(destination);
    this.#buried.delete(destination);
  }
}
