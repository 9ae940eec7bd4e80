/** What the thread of a SQLite outbox does: it takes calls, and answers them. */
import { setImmediate } from "../../time/timers.ts";
import type { Logger } from "../../event/logger.ts";
import type { Outbox, Stored, Submission } from "../outbox.ts";
import type { Ticker } from "../ticker.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import { shortenStored } from "./thread-claims.ts";
import {
  type Answer,
  type Call,
  type LogLine,
  pack,
  type Reply,
  type Request,
  sendError,
  type ThreadData,
  unpack,
} from "./thread-messages.ts";

export class ThreadDesk {
  readonly #data: ThreadData;
  readonly #outbox: Outbox;
  /** By the program's clock, when it last sent something. */
  #now = 0;
  #answers: Answer[] = [];
  #lines: LogLine[] = [];
  #isScheduled = false;

  constructor(data: ThreadData, every: Ticker) {
    this.#data = data;
    const settings = { ...data.options, now: () => this.#now, logger: this.#logger() };
    this.#outbox = new SqliteOutbox(settings, every);
    data.port.on("message", (request: Request) => this.#take(request));
    this.#post({ answers: [], lines: [] });
  }

  #take({ calls, now, waitedFor }: Request): void {
    this.#now = now;
    for (const call of calls) void this.#serve(call);
    // By then all that was committed with it has its answer.
    if (waitedFor !== undefined) setImmediate(() => this.#release(waitedFor));
  }

  async #serve({ id, operation, given }: Call): Promise<void> {
    try {
      const words = unpack(given);
      const operate = this.#outbox[operation] as (...words: unknown[]) => unknown;
      const result = await operate.apply(this.#outbox, [...words]);
      this.#answers.push({ id, result: operation === "put" ? shorten(result, words) : result });
    } catch (error) {
      this.#answers.push({ id, error: sendError(error) });
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#answers.length === 0 && this.#lines.length === 0) return;
    this.#post({ answers: this.#answers, lines: this.#lines });
    this.#answers = [];
    this.#lines = [];
  }

  #post(reply: Reply): void {
    const { packed, transfer } = pack(reply);
    this.#data.port.postMessage(packed, transfer);
  }

  #release(waitedFor: number): void {
    this.#flush();
    Atomics.store(this.#data.served, 0, waitedFor);
    Atomics.notify(this.#data.served, 0);
  }

  /** What is logged here is logged by the program. */
  #logger(): Logger {
    const at = (level: keyof Logger) => (fields: object, message: string) => {
      const plain = Object.entries(fields).map(([name, value]) => [
        name,
        value instanceof Error ? sendError(value) : value,
      ]);
      this.#lines.push({ level, fields: Object.fromEntries(plain) as object, message });
      this.#schedule();
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}

function shorten(result: unknown, [submissions]: readonly unknown[]): unknown {
  return shortenStored(result as readonly Stored[], submissions as readonly Submission[]);
}
