/** The program's end of the thread of a SQLite outbox: calls go out once a turn, and a thread that died is started again. */
import { basename } from "node:path";
import { WebhookError } from "../../event/errors.ts";
import type { Logger } from "../../event/logger.ts";
import { setImmediate } from "../../time/timers.ts";
import {
  type Answer,
  type Call,
  type LogLine,
  type Operation,
  receiveError,
  type Reply,
  type SentError,
  type ThreadData,
  unpack,
} from "./thread-messages.ts";
import { RunningThread } from "./thread-running.ts";
import type { StartThread } from "./thread-start.ts";

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The thread it was sent to. */
  thread?: RunningThread;
}

export interface LinkOptions {
  readonly options: ThreadData["options"];
  readonly now: () => number;
  readonly logger: Logger;
  readonly start: StartThread;
}

export class ThreadLink {
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  #thread: RunningThread | undefined;
  #outgoing: Call[] = [];
  #isScheduled = false;
  #calls = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Nothing is on its way. */
  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  call(operation: Operation, given: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#add(operation, given, { resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#send((thread, calls) => thread.send(calls, this.#options.now()));
      });
    });
  }

  /** Sends all that waits, and this, and blocks until it is done. Throws what failed. */
  callNow(operation: Operation, given: readonly unknown[]): unknown {
    let outcome: { readonly result: unknown } | { readonly error: unknown } | undefined;
    this.#add(operation, given, {
      resolve: (result) => {
        outcome = { result };
      },
      reject: (error) => {
        outcome = { error };
      },
    });
    this.#send((thread, calls) => thread.sendAndWait(calls, this.#options.now()));
    if (outcome === undefined) throw this.#unavailable("did not answer in time");
    if ("error" in outcome) throw outcome.error;
    return outcome.result;
  }

  /** Rejects what is on its way, and ends the thread. */
  end(reason: WebhookError): void {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#outgoing = [];
    for (const id of [...this.#pending.keys()]) this.#settle(id, ({ reject }) => reject(reason));
    thread?.leave();
  }

  #add(operation: Operation, given: readonly unknown[], pending: Pending): void {
    const id = (this.#calls += 1);
    this.#pending.set(id, pending);
    this.#outgoing.push({ id, operation, given });
    if (this.#pending.size === 1) this.#thread?.hold(true);
  }

  #send(send: (thread: RunningThread, calls: readonly Call[]) => void): void {
    const calls = this.#outgoing.splice(0);
    if (calls.length === 0) return;
    let thread: RunningThread;
    try {
      thread = this.#thread ??= this.#start();
    } catch (cause) {
      return this.#refuse(calls, this.#notStarted(cause));
    }
    for (const { id } of calls) {
      const pending = this.#pending.get(id);
      if (pending !== undefined) pending.thread = thread;
    }
    try {
      send(thread, calls);
    } catch {
      for (const call of calls) this.#sendAlone(thread, call, send);
    }
  }

  /** What is no data cannot be sent: alone, it fails alone. */
  #sendAlone(
    thread: RunningThread,
    call: Call,
    send: (thread: RunningThread, calls: readonly Call[]) => void,
  ): void {
    try {
      send(thread, [call]);
    } catch (cause) {
      this.#refuse([call], this.#unavailable("takes nothing but data", { cause }));
    }
  }

  #refuse(calls: readonly Call[], reason: WebhookError): void {
    for (const { id } of calls) this.#settle(id, ({ reject }) => reject(reason));
  }

  #start(): RunningThread {
    const { options, start } = this.#options;
    const thread = new RunningThread({
      options,
      start,
      onReply: (reply) => this.#receive(reply),
      onEnd: (cause, hasStarted) => this.#ended(thread, cause, hasStarted),
    });
    thread.hold(!this.isIdle);
    return thread;
  }

  #receive({ answers, lines }: Reply): void {
    for (const line of lines) this.#log(line);
    for (const answer of answers) this.#answer(answer);
  }

  #answer({ id, result, error }: Answer): void {
    this.#settle(id, ({ resolve, reject }) => {
      if (error === undefined) resolve(unpack(result));
      else reject(receiveError(error));
    });
  }

  #settle(id: number, settle: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (this.isIdle) this.#thread?.hold(false);
    settle(pending);
  }

  #log({ level, fields, message }: LogLine): void {
    const { err } = fields as { readonly err?: SentError };
    this.#options.logger[level](err === undefined ? fields : { ...fields, err: receiveError(err) }, message);
  }

  /** What it answered counts; of the rest nobody knows whether it was done. The next call starts another thread. */
  #ended(thread: RunningThread, cause: unknown, hasStarted: boolean): void {
    this.#thread = undefined;
    const reason = hasStarted ? this.#unavailable("lost its thread", { cause }) : this.#notStarted(cause);
    for (const [id, pending] of [...this.#pending]) {
      if (pending.thread === thread) this.#settle(id, ({ reject }) => reject(reason));
    }
  }

  #notStarted(cause: unknown): WebhookError {
    const remedy =
      "Let this program start threads (`--allow-worker` beside `--permission`), and leave this package out of bundles.";
    return this.#unavailable("cannot start its thread", { cause, remedy });
  }

  #unavailable(
    what: string,
    more: { readonly cause?: unknown; readonly remedy?: string } = {},
  ): WebhookError {
    const file = basename(this.#options.options.path);
    return new WebhookError("OUTBOX_UNAVAILABLE", `The SQLite outbox ${file} ${what}`, more);
  }
}
