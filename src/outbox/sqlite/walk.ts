/** Walks deliveries by age in short steps, so that a search through a million rows never blocks the event loop. */
import type { Database, Statement } from "./driver.ts";
import { byAge, type Position } from "../position.ts";
import type { Searched } from "../query.ts";

/** What a walk sees of a delivery, with the file's own numbers for endpoint and state. */
export interface WalkedRow extends Position, Omit<Searched<number, number>, "eventId"> {
  readonly id: string;
  /** Sequence number of its event. */
  readonly event: number;
}

export interface Step {
  readonly rows: readonly WalkedRow[];
  /** Where the next step begins; absent at the end. */
  readonly next?: Position;
}

const columns =
  "id, created_at AS createdAt, seq AS sequence, event, endpoint AS endpointId, state, type AS eventType";

type StepStatement = Statement<[number, number, number], WalkedRow>;

export class SqliteWalk {
  readonly #newestFirst: StepStatement;
  readonly #oldestFirst: StepStatement;
  readonly #newestDeadFirst: StepStatement;
  readonly #oldestDeadFirst: StepStatement;
  readonly #ofEvent: Statement<[string], WalkedRow>;
  readonly #byId: Statement<[string], WalkedRow>;

  constructor(database: Database) {
    const prepare = (comparison: "<" | ">", onlyDead: boolean): StepStatement => {
      const order = comparison === "<" ? "DESC" : "ASC";
      return database.prepare(
        `SELECT ${columns} FROM deliveries
         WHERE (created_at, seq) ${comparison} (?, ?) ${onlyDead ? "AND state = 3" : ""}
         ORDER BY created_at ${order}, seq ${order} LIMIT ?`,
      );
    };
    this.#newestFirst = prepare("<", false);
    this.#oldestFirst = prepare(">", false);
    this.#newestDeadFirst = prepare("<", true);
    this.#oldestDeadFirst = prepare(">", true);
    this.#ofEvent = database.prepare(
      `WITH asked AS (SELECT seq AS number, deliveries AS count FROM events WHERE id = ?)
       SELECT ${columns} FROM deliveries, asked WHERE seq > number AND seq <= number + count
       UNION ALL SELECT ${columns} FROM deliveries, asked WHERE event = number AND late = 1
       ORDER BY sequence`,
    );
    this.#byId = database.prepare(`SELECT ${columns} FROM deliveries WHERE id = ?`);
  }

  /** Takes the rows of one event, oldest first. */
  ofEvent(eventId: string): readonly WalkedRow[] {
    return this.#ofEvent.all(eventId);
  }

  /** Takes rows by delivery id, oldest first; unknown ids are left out. */
  ofDeliveries(ids: readonly string[]): readonly WalkedRow[] {
    const rows = [...new Set(ids)].map((id) => this.#byId.get(id)).filter((row) => row !== undefined);
    return rows.sort(byAge);
  }

  /** Takes the next rows older than a position. */
  older(than: Position, onlyDead: boolean, rows: number): Step {
    return step(onlyDead ? this.#newestDeadFirst : this.#newestFirst, than, rows);
  }

  /** Takes the next rows newer than a position. */
  newer(than: Position, onlyDead: boolean, rows: number): Step {
    return step(onlyDead ? this.#oldestDeadFirst : this.#oldestFirst, than, rows);
  }
}

function step(statement: StepStatement, from: Position, limit: number): Step {
  const rows = statement.all(from.createdAt, from.sequence, limit);
  const next = rows.at(-1);
  return next === undefined || rows.length < limit ? { rows } : { rows, next };
}
