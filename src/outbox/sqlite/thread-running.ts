/** One running thread of a SQLite outbox, as its program sees it. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { monotonicNow } from "../../time/timers.ts";
import { pack, type Call, type Reply, type Request, type ThreadData } from "./thread-messages.ts";
import type { StartThread } from "./thread-start.ts";

/** So long the program waits for the thread in its last moment; longer for one that is only starting. */
const longestWaitMs = { running: 2000, starting: 5000 };

export interface RunningOptions {
  readonly options: ThreadData["options"];
  readonly start: StartThread;
  readonly onReply: (reply: Reply) => void;
  /** All that it said was received by then. `hasStarted` is false where it never came to be. */
  readonly onEnd: (cause: unknown, hasStarted: boolean) => void;
}

export class RunningThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #served = new Int32Array(new SharedArrayBuffer(4));
  readonly #onReply: (reply: Reply) => void;
  #waits = 0;
  #hasStarted = false;
  #isLeft = false;
  #failure: unknown;

  /** Throws where threads are forbidden. */
  constructor({ options, start, onReply, onEnd }: RunningOptions) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#onReply = onReply;
    this.#worker = start({ options, port: port2, served: this.#served });
    this.#port.on("message", (reply: Reply) => this.#receive(reply));
    this.#worker.on("error", (error) => {
      this.#failure = error;
    });
    this.#worker.on("exit", () => {
      if (this.#isLeft) return;
      this.#receiveAll();
      this.#port.close();
      onEnd(this.#failure, this.#hasStarted);
    });
  }

  /** Whether it keeps the process open. */
  hold(isHeld: boolean): void {
    for (const side of [this.#worker, this.#port]) {
      if (isHeld) side.ref();
      else side.unref();
    }
  }

  /** Throws where the calls hold something that is no data. */
  send(calls: readonly Call[], now: number): void {
    this.#post(calls, { now });
  }

  /** The same, and returns when all that was sent is served and answered, or it takes too long. */
  sendAndWait(calls: readonly Call[], now: number): void {
    const waitedFor = (this.#waits += 1);
    this.#post(calls, { now, waitedFor });
    const endsAt = monotonicNow() + (this.#hasStarted ? longestWaitMs.running : longestWaitMs.starting);
    for (;;) {
      const seen = Atomics.load(this.#served, 0);
      const leftMs = endsAt - monotonicNow();
      if (seen >= waitedFor || leftMs <= 0) break;
      Atomics.wait(this.#served, 0, seen, leftMs);
    }
    this.#receiveAll();
  }

  /** Ends it, and hears no more of it. */
  leave(): void {
    this.#isLeft = true;
    this.#port.close();
    void this.#worker.terminate();
  }

  #post(calls: readonly Call[], about: Omit<Request, "calls">): void {
    const { packed, transfer } = pack(calls);
    this.#port.postMessage({ calls: packed, ...about }, transfer);
  }

  #receiveAll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: Reply } | undefined;
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  #receive(reply: Reply): void {
    this.#hasStarted = true;
    this.#onReply(reply);
  }
}
