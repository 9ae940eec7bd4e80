/** The outbox contract on a SQLite file that a thread of its own has open: the program never waits for a disk. */
import type { Attempt } from "../../event/delivery.ts";
import { silentLogger } from "../../event/logger.ts";
import { withDeadline } from "../../time/deadline.ts";
import { wallNow } from "../../time/timers.ts";
import type { Claim, Outbox, PutOptions, Settlement, Stored, Submission } from "../outbox.ts";
import { closed } from "../refusals.ts";
import { atProcessEnd } from "./last-moment.ts";
import { sqliteGuarantees, type SqliteOutboxOptions } from "./options.ts";
import { completeStored, shortenClaim, type StoredShort } from "./thread-claims.ts";
import { ThreadLink } from "./thread-link.ts";
import type { Operation } from "./thread-messages.ts";
import { type StartThread, startThread } from "./thread-start.ts";

type Asked<Name extends Operation> = NonNullable<Outbox[Name]>;
type Given<Name extends Operation> = Parameters<Asked<Name>>;
type Result<Name extends Operation> = Awaited<ReturnType<Asked<Name>>>;

export class ThreadedOutbox implements Required<Outbox> {
  readonly contract = 2;
  readonly name = "sqlite";
  readonly guarantees = sqliteGuarantees;
  readonly leaseMs: number;
  readonly #link: ThreadLink;
  #closing: Promise<void> | undefined;
  /** Present once something was put: what is on its way at the end of the process is waited for. */
  #forgetEnd: (() => void) | undefined;

  constructor(
    { now = wallNow, logger = silentLogger, ...options }: SqliteOutboxOptions,
    start: StartThread = startThread,
  ) {
    this.leaseMs = options.leaseMs ?? 3000;
    this.#link = new ThreadLink({ options, now, logger, start });
  }

  async put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]> {
    if (this.#closing !== undefined) throw closed("SQLite");
    this.#forgetEnd ??= atProcessEnd(() => this.putSync([]));
    // A handle of the program's is nothing that a thread could be given.
    const more = options?.transaction === undefined ? [] : [{ transaction: true }];
    const stored = await this.#link.call("put", [submissions, ...more]);
    return completeStored(stored as readonly StoredShort[], submissions);
  }

  putSync(submissions: readonly Submission[]): void {
    if (this.#closing !== undefined) throw closed("SQLite");
    // Nothing to store, and nothing on its way.
    if (submissions.length === 0 && this.#link.isIdle) return;
    this.#link.callNow("putSync", [submissions]);
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    return this.#call("settle", shortenClaim(claim) as Claim, settlement, attempt);
  }

  readonly claim = this.#asked("claim");
  readonly due = this.#asked("due");
  readonly expire = this.#asked("expire");
  readonly find = this.#asked("find");
  readonly get = this.#asked("get");
  readonly event = this.#asked("event");
  readonly replay = this.#asked("replay");
  readonly sendNow = this.#asked("sendNow");
  readonly cancel = this.#asked("cancel");
  readonly missed = this.#asked("missed");
  readonly add = this.#asked("add");
  readonly bury = this.#asked("bury");
  readonly pullBack = this.#asked("pullBack");
  readonly counts = this.#asked("counts");
  readonly states = this.#asked("states");
  readonly saveState = this.#asked("saveState");
  readonly loadEndpoints = this.#asked("loadEndpoints");
  readonly saveEndpoint = this.#asked("saveEndpoint");
  readonly removeEndpoint = this.#asked("removeEndpoint");
  readonly prune = this.#asked("prune");
  readonly ping = this.#asked("ping");

  close(deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#forgetEnd?.();
    if (this.#link.isRunning || !this.#link.isIdle) {
      const over = this.#link.call("close", [deadlineMs]).catch(() => undefined);
      await withDeadline(over, deadlineMs, () => undefined);
    }
    this.#link.end(closed("SQLite"));
  }

  #asked<Name extends Operation>(operation: Name): (...given: Given<Name>) => Promise<Result<Name>> {
    return (...given) => this.#call(operation, ...given);
  }

  async #call<Name extends Operation>(operation: Name, ...given: Given<Name>): Promise<Result<Name>> {
    if (this.#closing !== undefined) throw closed("SQLite");
    return (await this.#link.call(operation, given)) as Result<Name>;
  }
}
