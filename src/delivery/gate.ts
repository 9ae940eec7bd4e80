/** Bounds how many attempts run at once over all lanes. It sits behind the lanes' own bounds, so that none starves. */
export class Gate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Answers undefined where there is room at once; otherwise wait for the promise. Pair with `leave`. A lane's `first`
   * attempt never waits: lanes whose attempts all hang would otherwise keep everybody else out until their timeouts.
   */
  enter(first: boolean): Promise<void> | undefined {
    if (first || this.#inside < this.#limit) {
      this.#inside += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#inside <= this.#limit ? this.#waiting.shift() : undefined;
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}
