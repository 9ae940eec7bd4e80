/** How a store describes itself, so that configuration, environment, doctor, CLI and manager name no store. */
import type { Logger } from "../event/logger.ts";
import type { ObjectSetting } from "../settings/composed.ts";
import type { Outbox } from "./outbox.ts";

export interface Surroundings {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Is warned of settings with which a store may lose deliveries. */
  readonly logger: Logger;
}

/** What the doctor says of a store that answers. */
export interface StoreFinding {
  readonly level: "ok" | "warn" | "fail";
  readonly message: string;
  readonly remedy?: string;
}

/** How large a store is, and how much of it waits to be cleared away. */
export interface StoreSize {
  /** Of the tables. */
  readonly version: number;
  readonly bytes: number;
  readonly liveRows: number;
  readonly deadRows: number;
}

/** `Options` are those that a configuration may give. */
export interface OutboxKind<Options extends object = object> {
  /** What `type` says in a configuration; the outbox has the same name. */
  readonly name: string;
  /** Its name in sentences, such as `SQLite`. */
  readonly title: string;
  /** What its outboxes promise. */
  readonly guarantees: Outbox["guarantees"];
  /** Plugins hear nothing of what an outbox of ours does; what a stranger's is made of may be watched. */
  readonly isOurs: boolean;
  readonly options: ObjectSetting<Options>;
  /** How one text names it, as in MOVA_WEBHOOK_OUTBOX. A text with `://` in it is a URL, and no path. */
  readonly fromText: {
    /** Completes the sentence: it must be …. */
    readonly expected: string;
    /** Returns undefined for a text that is not this kind's. Relative paths start at `directory`. */
    read(text: string, directory: string): Options | undefined;
  };
  /** Loads what it needs only now. May reject with DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE or OUTBOX_INVALID. */
  open(options: Options, surroundings: Surroundings): Outbox | Promise<Outbox>;
  /** Looks for settings of the store with which it may lose what it accepted. */
  examine?(options: Options): Promise<readonly StoreFinding[]>;
  /** Where tables are made on first use, and somebody may want to make them instead. */
  readonly migrations?: {
    /** Returns the SQL that makes them all. */
    sql(options: Options): Promise<string>;
    /** Makes what is missing, and returns the sizes of what there is. */
    apply(options: Options): Promise<StoreSize>;
  };
  /** Asks the store for its own time, in Unix milliseconds. */
  readClock?(options: Options): Promise<number>;
}
