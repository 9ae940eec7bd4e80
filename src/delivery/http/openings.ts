/** Spreads the opening of connections over turns of the event loop: hundreds at once would keep answers waiting. */
import { setImmediate } from "../../time/timers.ts";

const perTurn = 8;

export class Openings {
  #left = perTurn;
  #waiting: (() => void)[] = [];

  /** Calls `open` in this turn, or in a later one. */
  ask(open: () => void): void {
    if (this.#left === perTurn) setImmediate(() => this.#nextTurn());
    if (this.#left === 0) {
      this.#waiting.push(open);
      return;
    }
    this.#left -= 1;
    open();
  }

  #nextTurn(): void {
    this.#left = perTurn;
    for (const open of this.#waiting.splice(0, perTurn)) this.ask(open);
  }
}
