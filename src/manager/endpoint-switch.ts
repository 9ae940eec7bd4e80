/** Switches endpoints on, off, or pauses them: in the book, on their lanes and in the store, and as the store says. */
import type { Worker } from "../delivery/worker.ts";
import type { EndpointState } from "../event/endpoint-state.ts";
import type { EndpointBook, EndpointInfo, Switched } from "../routing/endpoint-book.ts";
import type { EndpointStates } from "./endpoint-states.ts";

export interface EndpointSwitchOptions {
  readonly book: EndpointBook;
  readonly worker: Worker;
  readonly now: () => number;
}

export class EndpointSwitch {
  readonly #options: EndpointSwitchOptions;
  readonly #states: EndpointStates;
  readonly #changed: (id: string, enabled: boolean, reason: string) => void;

  constructor(
    options: EndpointSwitchOptions,
    states: EndpointStates,
    changed: (id: string, enabled: boolean, reason: string) => void,
  ) {
    this.#options = options;
    this.#states = states;
    this.#changed = changed;
  }

  /** Switches on, off or pauses, here and in the store. Returns whether that changed anything. */
  turn(id: string, status: EndpointInfo["status"], reason: string, by: string): boolean {
    const since = this.#options.now();
    if (!this.#become(id, { status, reason, since, by })) return false;
    const isOn = status === "on";
    const well = isOn ? { failingSince: null, circuitUntil: null } : {};
    this.#states.remember(id, { status, reason: isOn ? null : reason, since, by, ...well });
    return true;
  }

  /** Takes over what the store says of the endpoints here. Never rejects. */
  async refresh(): Promise<void> {
    const { book, worker } = this.#options;
    for (const state of await this.#states.read()) {
      const { endpointId: id, status } = state;
      // What the settings switch off is the user's word: no store overrules it.
      if (book.get(id) === undefined || book.switchedBy(id) === "settings") continue;
      if (status !== book.statusOf(id)) this.#become(id, { by: "code", ...state });
      if (status === "on") worker.destinations.get(id)?.takeUp(state);
    }
  }

  #become(
    id: string,
    { status, reason = "by hand", ...how }: Switched & Pick<EndpointState, "status">,
  ): boolean {
    const { book, worker, now } = this.#options;
    if (status === "paused" && book.statusOf(id) === "off") book.enable(id);
    const changed =
      status === "on"
        ? book.enable(id)
        : status === "paused"
          ? book.pause(id, { reason, ...how })
          : book.disable(id, worker.failingSince(id) ?? how.since ?? now(), { reason, ...how });
    if (!changed) return false;
    worker.setEnabled(id, status === "on");
    this.#changed(id, status !== "off", reason);
    if (status === "on") worker.wake(id);
    return true;
  }
}
