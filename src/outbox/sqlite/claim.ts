/** How a due row of the SQLite outbox becomes a claim. */
import type { Claim } from "../outbox.ts";
import { eventOf, type EventRow } from "./event-row.ts";

/** A claim's lease in this store: the row, and the version of it that the claim made. */
export interface Lease {
  readonly sequence: number;
  readonly version: number;
  readonly endpointKey: number;
}

export interface ClaimRow extends EventRow {
  readonly sequence: number;
  readonly version: number;
  readonly dueAt: number;
  readonly deliveryId: string;
  readonly attempt: number;
  readonly replays: number;
  readonly batch: string | null;
  readonly expiresAt: number | null;
  readonly orderKey: string | null;
  readonly ownHeaders: string | null;
  readonly ownBody: Buffer | null;
}

/** Endpoint, 1 for retries or 0 for first attempts, the time twice, the limit. */
export const selectDue = `
  SELECT d.seq AS sequence, d.lease AS version, d.due_at AS dueAt, d.id AS deliveryId, d.attempt, d.replays, d.batch,
  d.expires_at AS expiresAt, d.order_key AS orderKey,
  c.headers AS ownHeaders, c.body AS ownBody,
  e.id, e.type, e.source, e.created_at AS createdAt, e.traceparent, e.tracestate, e.origin, e.body
  FROM deliveries d JOIN events e ON e.seq = d.event LEFT JOIN contents c ON c.delivery = d.seq
  WHERE d.state = 0 AND d.endpoint = ? AND d.blocked = 0 AND d.repeated = ? AND d.due_at <= ?
  AND (d.expires_at IS NULL OR d.expires_at > ?) ORDER BY d.due_at, d.seq LIMIT ?`;

/** Makes the claim of a row whose lease was just taken. */
export function claimOf(
  row: ClaimRow,
  endpointId: string,
  endpointKey: number,
  previous: Claim["previous"] | undefined,
): Claim {
  const { sequence, version, deliveryId, attempt, replays, batch, expiresAt, orderKey, ownHeaders, ownBody } =
    row;
  const lease: Lease = { sequence, version: version + 1, endpointKey };
  return {
    id: deliveryId,
    endpointId,
    event: eventOf(row),
    attempt,
    replay: replays,
    lease,
    ...(ownHeaders === null || ownBody === null
      ? {}
      : { content: { body: ownBody, headers: headersOf(ownHeaders) } }),
    ...(batch === null ? {} : { batch }),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(orderKey === null ? {} : { orderKey }),
    ...(previous === undefined ? {} : { previous }),
  };
}

function headersOf(text: string): Record<string, string> {
  return JSON.parse(text) as Record<string, string>;
}
