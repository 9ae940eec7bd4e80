/** Storing in the Postgres outbox: all that is put within a moment in one statement, or in a transaction of the caller's. */
import type { Claim, LateDelivery, NewDelivery, OutboxEvent, Stored, Submission } from "../outbox.ts";
import { full } from "../refusals.ts";
import { explainPostgresError } from "./errors.ts";
import { Grouped } from "./grouped.ts";
import {
  columnsOf,
  insertionFromColumns,
  insertionFromJson,
  isClaimable,
  jsonOf,
  parametersOf,
} from "./insertion.ts";
import { given } from "./rows.ts";
import type { PostgresSession, Row } from "./session.ts";
import { joining } from "./transaction.ts";

/** How long a count of what is held is believed: other processes store too. */
const countedForMs = 1000;

export class PostgresStoring {
  readonly #session: PostgresSession;
  readonly #maxDeliveries: number;
  readonly #puts: Grouped<readonly Submission[], readonly Stored[]>;
  #held = { count: 0, at: Number.NEGATIVE_INFINITY };

  constructor(session: PostgresSession, maxDeliveries = Number.POSITIVE_INFINITY) {
    this.#session = session;
    this.#maxDeliveries = maxDeliveries;
    this.#puts = new Grouped(
      (calls) => this.#storeAll(calls),
      () => undefined,
    );
  }

  async put(submissions: readonly Submission[]): Promise<readonly Stored[]> {
    if (submissions.length === 0) return [];
    if (Number.isFinite(this.#maxDeliveries)) return this.#putBounded(submissions);
    return this.#puts.add(submissions);
  }

  /** Stores through SQL of the caller's, who commits it; nothing is claimed. Rejects with TRANSACTION_UNSUPPORTED. */
  async putInto(transaction: unknown, submissions: readonly Submission[]): Promise<readonly Stored[]> {
    const run = await joining(transaction, this.#session);
    const fresh = firstOfEachId(submissions);
    await this.#refuseBeyond(fresh.reduce((sum, { deliveries }) => sum + deliveries.length, 0));
    try {
      const rows = await run(insertionFromJson(this.#session.schema), [jsonOf(fresh)]);
      return storedOf(submissions, fresh, rows);
    } catch (error) {
      throw explainPostgresError(error, this.#session.address);
    }
  }

  /** Adds deliveries to events that are there. */
  async add(late: readonly LateDelivery[]): Promise<number> {
    await this.#refuseBeyond(late.length);
    const { schema } = this.#session;
    const text = `
      WITH kept AS (
        SELECT id, type, created_at FROM ${schema}.event
        WHERE id = ANY (SELECT DISTINCT unnest($2::text[])) ORDER BY id FOR KEY SHARE
      ), inserted AS (
        INSERT INTO ${schema}.delivery (id, event_id, event_type, created_at, endpoint_id, due_at, expires_at,
          order_key, content_body, content_headers)
        SELECT i.id, i.event_id, kept.type, kept.created_at, i.endpoint_id, i.due_at, i.expires_at,
          i.order_key, i.content_body, i.content_headers
        FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::text[], $7::bytea[], $8::text[])
          WITH ORDINALITY AS i(id, event_id, endpoint_id, due_at, expires_at, order_key, content_body, content_headers, n)
          JOIN kept ON kept.id = i.event_id
        ORDER BY i.n ON CONFLICT (id) DO NOTHING RETURNING id, event_id, endpoint_id
      ), found AS (
        DELETE FROM ${schema}.missed m USING inserted i
        WHERE m.event_id = i.event_id AND m.endpoint_id = i.endpoint_id
      )
      SELECT id FROM inserted`;
    const deliveries = late.map(({ delivery }) => delivery);
    const [ids, endpointIds, dueAts, ...more] = columnsOf(deliveries);
    const values = [ids, late.map(({ eventId }) => eventId), endpointIds, dueAts, ...more];
    return (await this.#session.query(text, values)).length;
  }

  /** One call after the other, so that each knows what the one before has stored. */
  async #putBounded(submissions: readonly Submission[]): Promise<readonly Stored[]> {
    const known = await this.#session.query(
      `SELECT id FROM ${this.#session.schema}.event WHERE id = ANY ($1)`,
      [submissions.map(({ event }) => event.id)],
    );
    const ids = new Set(known.map(({ id }) => id));
    const fresh = firstOfEachId(submissions).filter(({ event }) => !ids.has(event.id));
    const needed = fresh.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
    await this.#refuseBeyond(needed);
    this.#held.count += needed;
    return this.#puts.add(submissions);
  }

  async #refuseBeyond(needed: number): Promise<void> {
    if (!Number.isFinite(this.#maxDeliveries)) return;
    const isOld = this.#session.now() - this.#held.at > countedForMs;
    if (isOld || this.#held.count + needed > this.#maxDeliveries) {
      const text = `SELECT count(*)::float8 AS held FROM ${this.#session.schema}.delivery WHERE state <> 2`;
      const [row] = await this.#session.query(text, [], true);
      this.#held = { count: row?.held as number, at: this.#session.now() };
    }
    if (this.#held.count + needed > this.#maxDeliveries) {
      throw full("Postgres", this.#held.count, this.#maxDeliveries);
    }
  }

  async #storeAll(calls: readonly (readonly Submission[])[]): Promise<readonly (readonly Stored[])[]> {
    const submissions = calls.flat();
    const fresh = firstOfEachId(submissions);
    const wantsClaims = fresh.some(({ deliveries }) => deliveries.some(isClaimable));
    const holder = wantsClaims ? await this.#session.holder() : undefined;
    const rows = await this.#session.query(
      insertionFromColumns(this.#session.schema),
      parametersOf(fresh, holder),
    );
    const stored = storedOf(submissions, fresh, rows);
    let at = 0;
    return calls.map(({ length }) => stored.slice(at, (at += length)));
  }
}

function firstOfEachId(submissions: readonly Submission[]): readonly Submission[] {
  const byId = new Map<string, Submission>();
  for (const submission of submissions) {
    if (!byId.has(submission.event.id)) byId.set(submission.event.id, submission);
  }
  return [...byId.values()];
}

function storedOf(
  submissions: readonly Submission[],
  fresh: readonly Submission[],
  rows: readonly Row[],
): readonly Stored[] {
  const accepted = new Set(rows.filter(({ state }) => state === null).map(({ id }) => id));
  const claimed = new Set(rows.filter(({ state }) => state === 1).map(({ id }) => id));
  const first = new Set(fresh);
  return submissions.map((submission) => {
    const { event, deliveries } = submission;
    if (!first.has(submission) || !accepted.has(event.id)) return { accepted: false, claims: [] };
    const claims = deliveries.filter(({ id }) => claimed.has(id)).map((one) => newClaimOf(event, one));
    return { accepted: true, claims };
  });
}

function newClaimOf(event: OutboxEvent, { id, endpointId, content, expiresAt }: NewDelivery): Claim {
  return {
    ...{ id, endpointId, event, attempt: 1, replay: 0, lease: 0 },
    ...given("content", content),
    ...given("expiresAt", expiresAt),
  };
}
