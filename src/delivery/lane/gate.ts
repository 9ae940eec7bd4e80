/** Bounds how many attempts run at once over all lanes. It sits behind the lanes' own bounds, so that none starves. */

interface Side {
  inside: number;
  readonly waiting: (() => void)[];
}

export class Gate {
  readonly #limit: number;
  /** Places that every lane has whatever the others do, so that a lane whose attempts all hang keeps nobody out. */
  readonly #guaranteed: number;
  readonly #sides = new Map<object, Side>();
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#guaranteed = Math.max(1, Math.floor(limit / 256));
  }

  /** Returns undefined where there is room at once; otherwise wait for the promise. Pair with `leave`. */
  enter(lane: object): Promise<void> | undefined {
    const side = this.#sideOf(lane);
    if (this.#admits(side)) {
      this.#admit(side);
      return undefined;
    }
    return new Promise((resolve) => side.waiting.push(resolve));
  }

  leave(lane: object): void {
    const side = this.#sideOf(lane);
    side.inside -= 1;
    this.#inside -= 1;
    if (side.waiting.length > 0 && this.#admits(side)) this.#next(side);
    else if (this.#inside < this.#limit) this.#nextOfAnother(lane);
    if (side.inside === 0 && side.waiting.length === 0) this.#sides.delete(lane);
  }

  #admits(side: Side): boolean {
    return this.#inside < this.#limit || side.inside < this.#guaranteed;
  }

  #nextOfAnother(lane: object): void {
    for (const [other, side] of this.#sides) {
      if (other === lane || side.waiting.length === 0) continue;
      // To the end of the row, so that every lane has its turn.
      this.#sides.delete(other);
      this.#sides.set(other, side);
      return this.#next(side);
    }
  }

  #next(side: Side): void {
    const proceed = side.waiting.shift();
    if (proceed === undefined) return;
    this.#admit(side);
    proceed();
  }

  #admit(side: Side): void {
    side.inside += 1;
    this.#inside += 1;
  }

  #sideOf(lane: object): Side {
    let side = this.#sides.get(lane);
    if (side === undefined) {
      side = { inside: 0, waiting: [] };
      this.#sides.set(lane, side);
    }
    return side;
  }
}
