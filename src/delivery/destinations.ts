/** The endpoints that a worker delivers to, by id, and those that are gone while their last posts run. */
import type { Destination } from "./destination.ts";

export class Destinations extends Map<string, Destination> {
  readonly #leaving = new Set<Destination>();

  /** Puts the new one in place first: what the old one then hands back goes to the new one. */
  put(destination: Destination): void {
    const { id } = destination.endpoint;
    const before = this.get(id);
    this.set(id, destination);
    if (before !== undefined) this.#leave(before);
  }

  remove(endpointId: string): void {
    const destination = this.get(endpointId);
    if (destination === undefined) return;
    this.delete(endpointId);
    this.#leave(destination);
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
    for (const other of this.#leaving) if (other.lane.idle) this.#leaving.delete(other);
    this.#leaving.add(destination);
  }
}
