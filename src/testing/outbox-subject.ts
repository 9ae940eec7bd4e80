/** What the outbox suite needs of the outbox it examines, and the events it examines it with. */
import assert from "node:assert/strict";
import type { Attempt } from "../event/delivery.ts";
import type {
  Claim,
  EndpointLimits,
  NewDelivery,
  Outbox,
  OutboxEvent,
  Stored,
  Submission,
} from "../outbox/outbox.ts";

/** One store, empty at first, and the means to put an outbox on it through its life. */
export interface OutboxSubject {
  /** Opens an outbox on the store. Each one stands for a process of its own. */
  open(): Promise<Outbox>;
  /** What the store takes for the time, Unix milliseconds. */
  now(): number;
  /** Lets time pass for the store and for every outbox that is alive. */
  advance(ms: number): Promise<void>;
  /** Ends an outbox as kill -9 would: its renewal stops, and nothing is handed back. Asked only of shared or durable ones. */
  crash(outbox: Outbox): Promise<void>;
  /** Why the outbox cannot change single deliveries, let them expire, or add some later; absent where it can. */
  readonly withoutHands?: string;
  /** Opens an outbox that may hold so many deliveries; absent where there is no such limit. */
  openBounded?(maxDeliveries: number): Promise<Outbox>;
}

export interface OutboxCase {
  /** A sentence of behaviour. */
  readonly name: string;
  /** Fails by an AssertionError. Wants a fresh subject. */
  readonly run: (subject: OutboxSubject) => Promise<void>;
  /** What the outbox must promise for the case to make sense; where it does not, skip the case and say so. */
  readonly needs?:
    | "shared"
    | "durable"
    | "bounded"
    | "putSync"
    | "pullBack"
    | "clusterLimits"
    | "sharedLimits"
    | "noTransactions"
    | "hands";
}

/** Tells why a case cannot be asked of an outbox, or nothing where it can. */
export function reasonToSkip(
  needs: OutboxCase["needs"],
  subject: OutboxSubject,
  outbox: Outbox,
): string | undefined {
  const { durable, shared, clusterLimits, transactional } = outbox.guarantees;
  if (needs === "shared" && !shared) return `${outbox.name} is not shared between processes`;
  if (needs === "durable" && !durable) return `${outbox.name} does not promise to survive its process`;
  if (needs === "sharedLimits" && !shared) return `${outbox.name} is not shared between processes`;
  if ((needs === "clusterLimits" || needs === "sharedLimits") && !clusterLimits)
    return `${outbox.name} keeps no limits`;
  if (needs === "hands") return subject.withoutHands;
  if (needs === "noTransactions" && transactional) return `${outbox.name} joins transactions`;
  if (needs === "bounded" && subject.openBounded === undefined)
    return `${outbox.name} has no limit of its own`;
  if (needs === "putSync" && outbox.putSync === undefined) return `${outbox.name} cannot store synchronously`;
  if (needs === "pullBack" && outbox.pullBack === undefined)
    return `${outbox.name} cannot make due earlier what waits`;
  return undefined;
}

type DeliveryParts = Pick<NewDelivery, "dueAt" | "claim" | "limits" | "orderKey" | "expiresAt">;

/** An event for the endpoints named, accepted now and due at once unless told otherwise. */
export function submissionOf(
  subject: OutboxSubject,
  id: string,
  endpointIds: readonly string[] = ["ops"],
  more: Partial<OutboxEvent> & Partial<DeliveryParts> = {},
): Submission {
  const { dueAt, claim, limits, orderKey, expiresAt, ...event } = more;
  const createdAt = event.createdAt ?? subject.now();
  return {
    event: {
      id,
      type: "cache.updated",
      source: "cache",
      createdAt,
      body: Buffer.from(`{"event":"${id}"}`),
      origin: "suite",
      decisions: endpointIds.map((endpointId) => ({ endpointId, routed: true, pattern: "*" })),
      ...event,
    },
    deliveries: endpointIds.map((endpointId) => ({
      id: deliveryId(id, endpointId),
      endpointId,
      dueAt: dueAt ?? subject.now(),
      ...(claim === undefined ? {} : { claim }),
      ...(limits === undefined ? {} : { limits }),
      ...(orderKey === undefined ? {} : { orderKey }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })),
  };
}

export function deliveryId(eventId: string, endpointId = "ops"): string {
  return `${eventId}-${endpointId}`;
}

export function attemptOf(claim: Claim, more: Partial<Attempt> = {}): Attempt {
  return {
    number: claim.attempt,
    replay: claim.replay,
    startedAt: 1_700_000_000_000,
    durationMs: 12,
    outcome: "http_5xx",
    ...more,
  };
}

/** Puts one event and claims its delivery. */
export async function putAndClaim(
  subject: OutboxSubject,
  outbox: Outbox,
  id: string,
  endpointId = "ops",
): Promise<Claim> {
  await outbox.put([submissionOf(subject, id, [endpointId])]);
  return claimOnly(outbox, endpointId);
}

/** Claims, and returns the claims alone. */
export async function claimsOf(
  outbox: Outbox,
  endpointId: string,
  limit: number,
  limits?: EndpointLimits,
): Promise<readonly Claim[]> {
  return (await outbox.claim(endpointId, limit, limits)).claims;
}

/** Claims the one delivery that must be due. */
export async function claimOnly(outbox: Outbox, endpointId = "ops"): Promise<Claim> {
  const claims = await claimsOf(outbox, endpointId, 100);
  assert.equal(claims.length, 1, `expected one due delivery of ${endpointId}, got ${claims.length}`);
  return claims[0] as Claim;
}

/** Stores submissions and leaves every delivery dead. */
export async function putDead(outbox: Outbox, submissions: readonly Submission[]): Promise<void> {
  const stored = await outbox.put(submissions);
  for (const claim of await claimAll(outbox, submissions, stored)) {
    await outbox.settle(
      claim,
      { kind: "dead", reason: "http_4xx" },
      attemptOf(claim, { outcome: "http_4xx" }),
    );
  }
}

/** Stores submissions and leaves every delivery delivered. */
export async function putDelivered(outbox: Outbox, submissions: readonly Submission[]): Promise<void> {
  const stored = await outbox.put(submissions);
  for (const claim of await claimAll(outbox, submissions, stored)) {
    await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim, { outcome: "success", status: 200 }));
  }
}

async function claimAll(
  outbox: Outbox,
  submissions: readonly Submission[],
  stored: readonly Stored[],
): Promise<Claim[]> {
  const claims = stored.flatMap((one) => one.claims);
  const endpointIds = new Set(
    submissions.flatMap(({ deliveries }) => deliveries.map(({ endpointId }) => endpointId)),
  );
  for (const endpointId of endpointIds) claims.push(...(await claimsOf(outbox, endpointId, 1000)));
  return claims;
}

export function idsOf(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id);
}
