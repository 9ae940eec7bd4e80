/** The rules by which a store grants claims under an endpoint's limits, the same in every store. Pure: the store keeps what they count. */
import type { EndpointLimits } from "../event/endpoint-state.ts";

type Rate = NonNullable<EndpointLimits["rate"]>;

/** Posts granted at a moment, in Unix milliseconds; oldest first. */
export type Grants = [at: number, posts: number][];

/** Parts of the window within which grants count as one, at the time of the last: so many entries are kept at most. */
const parts = 64;

export interface Room {
  /** Deliveries that may be granted. */
  readonly deliveries: number;
  /** When more may be; `Infinity` where a claim must be settled first. Absent where all that was wanted may be granted. */
  readonly nextAt?: number;
}

/** How an endpoint is used at the moment. */
export interface Use {
  /** Claims under way, over all processes. */
  readonly held: number;
  /** No other process asks for it. */
  readonly isAlone: boolean;
  /** No other process ever can. */
  readonly isOnly?: boolean;
  readonly grants: Grants;
  readonly now: number;
}

/** Returns how many of `wanted` deliveries may be granted now. Forgets old grants. */
export function roomUnder(
  { rate, concurrency, door, perPost = 1 }: EndpointLimits,
  wanted: number,
  { held, isAlone, isOnly = false, grants, now }: Use,
): Room {
  if (isOnly && door !== undefined) return { deliveries: wanted };
  const places =
    concurrency === undefined
      ? wanted
      : Math.min(wanted, Math.max(0, concurrency * perPost + (isAlone ? (door ?? 0) : 0) - held));
  const allowed = rate === undefined ? places : Math.min(places, postsLeft(rate, grants, now) * perPost);
  if (allowed === wanted) return { deliveries: wanted };
  if (rate === undefined || allowed === places)
    return { deliveries: allowed, nextAt: Number.POSITIVE_INFINITY };
  return { deliveries: allowed, nextAt: (grants[0]?.[0] ?? now) + rate.perMs };
}

/** Counts deliveries that are granted now. */
export function countGrant(
  { rate, perPost = 1 }: EndpointLimits,
  deliveries: number,
  grants: Grants,
  now: number,
): void {
  if (rate === undefined || deliveries === 0) return;
  const posts = Math.ceil(deliveries / perPost);
  const last = grants.at(-1);
  const part = rate.perMs / parts;
  if (last === undefined || Math.floor(last[0] / part) !== Math.floor(now / part)) grants.push([now, posts]);
  else {
    last[0] = now;
    last[1] += posts;
  }
}

/** Returns the stricter of each: what holds where two processes ask for the same endpoint under different limits. */
export function stricter(left: EndpointLimits, right: EndpointLimits): EndpointLimits {
  const rate = lower(left.rate, right.rate, ({ max, perMs }) => max / perMs);
  const concurrency = lower(left.concurrency, right.concurrency, (places) => places);
  return {
    ...left,
    ...(rate === undefined ? {} : { rate }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

function lower<Limit>(left: Limit | undefined, right: Limit | undefined, size: (limit: Limit) => number) {
  if (left === undefined || right === undefined) return left ?? right;
  return size(right) < size(left) ? right : left;
}

/** A grant that seems to come from the future counts as made now: the clock was set back since. */
function postsLeft({ max, perMs }: Rate, grants: Grants, now: number): number {
  let used = 0;
  let kept = 0;
  for (const grant of grants) {
    if (grant[0] > now) grant[0] = now;
    if (grant[0] + perMs <= now) continue;
    used += grant[1];
    grants[kept++] = grant;
  }
  grants.length = kept;
  return Math.max(0, max - used);
}
