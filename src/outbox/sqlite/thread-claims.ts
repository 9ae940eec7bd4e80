/** Claims on their way to and from the thread of the SQLite outbox: what its program has is not sent. */
import type { Claim, Stored, Submission } from "../outbox.ts";

/** A claim that `put` granted: which of the deliveries, and what only the store knows. */
type Granted = Omit<Claim, "id" | "endpointId" | "event" | "content"> & { readonly delivery: number };

export interface StoredShort {
  readonly accepted: boolean;
  readonly claims: readonly Granted[];
}

export function shortenStored(
  stored: readonly Stored[],
  submissions: readonly Submission[],
): readonly StoredShort[] {
  return stored.map(({ accepted, claims }, index) => {
    if (claims.length === 0) return { accepted, claims: [] };
    const deliveries = submissions[index]?.deliveries ?? [];
    const places = new Map(deliveries.map(({ id }, place) => [id, place]));
    return { accepted, claims: claims.map((claim) => grant(claim, places.get(claim.id) ?? -1)) };
  });
}

function grant(
  { id: _id, endpointId: _endpointId, event: _event, content: _content, ...granted }: Claim,
  delivery: number,
): Granted {
  return { ...granted, delivery };
}

export function completeStored(
  stored: readonly StoredShort[],
  submissions: readonly Submission[],
): readonly Stored[] {
  return stored.map(({ accepted, claims }, index) => ({
    accepted,
    claims: claims.map((granted) => complete(granted, submissions[index])),
  }));
}

function complete({ delivery, ...granted }: Granted, submission: Submission | undefined): Claim {
  const claimed = submission?.deliveries[delivery];
  if (submission === undefined || claimed === undefined) throw new Error("A claim of nothing was granted");
  const { id, endpointId, content } = claimed;
  return { ...granted, id, endpointId, event: submission.event, ...(content && { content }) };
}

/** Leaves out what no store needs to know its claim again. */
export function shortenClaim({
  event: _event,
  content: _content,
  ...known
}: Claim): Omit<Claim, "event" | "content"> {
  return known;
}
