/** Where a manager stands between construction and end: `loading → ready → delivering → closing → ending → closed`. */
import { WebhookError } from "../event/errors.ts";
import { countdown, withDeadline } from "../time/deadline.ts";

type State =
  /** What the configuration asks for is loaded; `started` where the start was asked for meanwhile. */
  | { readonly phase: "loading"; readonly loaded: Promise<void>; readonly started?: Promise<void> }
  | { readonly phase: "ready" }
  | { readonly phase: "delivering"; readonly started: Promise<void> }
  /** What is loading or starting is waited for. */
  | { readonly phase: "closing"; readonly closed: Promise<void> }
  | { readonly phase: "ending"; readonly closed: Promise<void> }
  | { readonly phase: "closed"; readonly closed: Promise<void> };

/** A tenth of a close's time, between these, is for handing back what was cut off. */
const handBackMs = { least: 250, most: 1000 };

/** How a close shares out its time, from now on: all of it, and what attempts in flight have of it. */
export interface ClosingTime {
  readonly leftMs: () => number;
  readonly attemptsLeftMs: () => number;
}

function closingTime(deadlineMs: number): ClosingTime {
  const lastMs = Math.min(Math.max(deadlineMs / 10, handBackMs.least), handBackMs.most);
  const attemptsMs = Math.max(0, deadlineMs - lastMs);
  return { leftMs: countdown(attemptsMs + lastMs), attemptsLeftMs: countdown(attemptsMs) };
}

export class Life {
  #state: State;

  /** `loaded` is undefined where nothing is to be loaded. One that rejects is a state of its own: every use rejects. */
  constructor(loaded: Promise<void> | undefined) {
    if (loaded === undefined) {
      this.#state = { phase: "ready" };
      return;
    }
    this.#state = { phase: "loading", loaded };
    loaded.then(
      () => this.#loadingEnded(),
      // Whoever uses the manager hears of it.
      () => undefined,
    );
  }

  /** Present while something is loaded. */
  get loaded(): Promise<void> | undefined {
    return this.#state.phase === "loading" ? this.#state.loaded : undefined;
  }

  /** Runs the start once loading is over, at most one at a time. One that failed may be tried again. */
  start(run: () => Promise<void>): Promise<void> {
    this.refuseWhenClosed();
    const state = this.#state;
    if ("started" in state && state.started !== undefined) return state.started;
    const loading = state.phase === "loading" ? state : undefined;
    const started = (loading === undefined ? run() : loading.loaded.then(run)).catch((error: unknown) => {
      this.#startFailed();
      throw error;
    });
    this.#state = loading === undefined ? { phase: "delivering", started } : { ...loading, started };
    return started;
  }

  /** Resolves when the start is over. Rejects with its failure, and with CLOSED where nobody started or it is closed. */
  async started(): Promise<void> {
    this.refuseWhenClosed();
    const state = this.#state;
    if (!("started" in state) || state.started === undefined) {
      throw new WebhookError("CLOSED", "This manager is not started", { remedy: "Call `start()`." });
    }
    await state.started;
  }

  /** Runs the end once, in its time, of which what is loading or starting takes a part first. */
  close(run: (time: ClosingTime) => Promise<void>, deadlineMs: number): Promise<void> {
    const state = this.#state;
    if ("closed" in state) return state.closed;
    const before = [this.loaded, "started" in state ? state.started : undefined];
    const time = closingTime(deadlineMs);
    const begun = Promise.allSettled(before.map((promise) => Promise.resolve(promise)));
    const closed = withDeadline(begun, time.attemptsLeftMs(), () => undefined)
      .then(() => {
        this.#state = { phase: "ending", closed };
        return run(time);
      })
      .finally(() => {
        this.#state = { phase: "closed", closed };
      });
    this.#state = { phase: "closing", closed };
    return closed;
  }

  get isClosed(): boolean {
    return "closed" in this.#state;
  }

  /** Throws CLOSED. */
  refuseWhenClosed(): void {
    if (this.isClosed) throw new WebhookError("CLOSED", "This manager was closed");
  }

  /** Throws CLOSED once nothing is waited for any more. */
  refuseAtTheEnd(): void {
    if (this.#state.phase !== "closing") this.refuseWhenClosed();
  }

  #loadingEnded(): void {
    if (this.#state.phase !== "loading") return;
    const { started } = this.#state;
    this.#state = started === undefined ? { phase: "ready" } : { phase: "delivering", started };
  }

  #startFailed(): void {
    if (this.#state.phase === "delivering") this.#state = { phase: "ready" };
    else if (this.#state.phase === "loading") this.#state = { phase: "loading", loaded: this.#state.loaded };
  }
}
