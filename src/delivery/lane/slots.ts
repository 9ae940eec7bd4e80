/**
 * Runs so many tasks at once, the others in the order they came: what a lane without a rate limit needs of p-queue,
 * whose promises and events would be a tenth of what a delivery costs.
 */

type Task = () => Promise<void>;

export class Slots {
  #concurrency: number;
  #running = 0;
  readonly #waiting: Task[] = [];
  readonly #leave = (): void => {
    this.#running -= 1;
    this.#next();
  };

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  set concurrency(concurrency: number) {
    this.#concurrency = concurrency;
    this.#next();
  }

  /** The task must not reject. */
  add(task: Task): void {
    this.#waiting.push(task);
    this.#next();
  }

  /** Forgets what has not begun. */
  clear(): void {
    this.#waiting.length = 0;
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const task = this.#waiting.shift();
      if (task === undefined) return;
      this.#running += 1;
      void task().then(this.#leave);
    }
  }
}
