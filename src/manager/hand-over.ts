/** Stored → lanes: promised places get their claims, and the lanes of what waits are woken. */
import type { Lane } from "../delivery/lane/lane.ts";
import type { Destinations } from "../delivery/destinations.ts";
import type { Claim, NewDelivery } from "../outbox/outbox.ts";

export class HandOver {
  readonly #destinations: Destinations;

  readonly #now: () => number;
  readonly #expect: (at: number) => void;

  /** `expect` hears when something will be due, or expire. */
  constructor(destinations: Destinations, now: () => number, expect: (at: number) => void) {
    this.#destinations = destinations;
    this.#now = now;
    this.#expect = expect;
  }

  /** Returns the endpoint's lane where that has a place for a delivery that is about to be stored. Pair with `deliver`. */
  reserve(endpointId: string): Lane | undefined {
    const lane = this.#destinations.get(endpointId)?.lane;
    return lane?.reserve() === true ? lane : undefined;
  }

  /** Gives claims to the lanes that promised a place, takes the other places back, and wakes the lanes of what waits. */
  deliver(
    deliveries: readonly NewDelivery[],
    places: readonly (Lane | undefined)[],
    claims: readonly Claim[],
  ): void {
    // Outboxes return claims in the order of the deliveries as a rule.
    let next = 0;
    for (const [index, { id, endpointId, dueAt, expiresAt }] of deliveries.entries()) {
      const place = places[index];
      if (place !== undefined) {
        const claim = claims[next]?.id === id ? claims[next] : claims.find((granted) => granted.id === id);
        if (claim !== undefined) {
          next += 1;
          place.accept(claim);
          continue;
        }
        place.forgo();
      }
      if (dueAt > this.#now()) this.#expect(dueAt);
      if (expiresAt !== undefined) this.#expect(expiresAt);
      this.#destinations.get(endpointId)?.lane.wake();
    }
  }
}
