/** Lists attempts: those of the deliveries that an outbox finds. */
import type {
  Attempt,
  AttemptPage,
  AttemptQuery,
  Delivery,
  DeliveryQuery,
  ListedAttempt,
} from "../event/delivery.ts";
import type { Outbox } from "./outbox.ts";
import { pageSize } from "./query.ts";

/** Deliveries read at a time. */
const stepSize = 200;
/** Deliveries looked at for one page: what is rare is looked for over several. */
const maxSteps = 25;

export async function listAttempts(outbox: Pick<Outbox, "find">, query: AttemptQuery): Promise<AttemptPage> {
  const { outcome: _outcome, status: _status, since: _since, limit = pageSize, cursor, ...rest } = query;
  const { order = "newest" } = query;
  const attempts: ListedAttempt[] = [];
  let at = cursor;
  for (let step = 0; step < maxSteps; step += 1) {
    // No attempt is made before its event is accepted.
    const search: DeliveryQuery = { ...rest, limit: stepSize, ...(at === undefined ? {} : { cursor: at }) };
    const page = await outbox.find(search);
    for (const [index, delivery] of page.deliveries.entries()) {
      attempts.push(...matching(delivery, query, order));
      const isLast = index === page.deliveries.length - 1;
      if (attempts.length < limit || (isLast && page.cursor === undefined)) continue;
      const next = isLast ? page.cursor : (await outbox.find({ ...search, limit: index + 1 })).cursor;
      return next === undefined ? { attempts } : { attempts, cursor: next };
    }
    at = page.cursor;
    if (at === undefined) return { attempts };
  }
  return at === undefined ? { attempts } : { attempts, cursor: at };
}

function matching(delivery: Delivery, query: AttemptQuery, order: "newest" | "oldest"): ListedAttempt[] {
  const { id: deliveryId, eventId, eventType, endpointId } = delivery;
  const found = delivery.attempts.filter((attempt) => matches(attempt, query));
  if (order === "newest") found.reverse();
  return found.map((attempt) => ({ deliveryId, eventId, eventType, endpointId, ...attempt }));
}

function matches(attempt: Attempt, { outcome, status, since, until }: AttemptQuery): boolean {
  return (
    (outcome === undefined || attempt.outcome === outcome) &&
    (status === undefined || isOf(status, attempt.status)) &&
    (since === undefined || attempt.startedAt >= since) &&
    (until === undefined || attempt.startedAt < until)
  );
}

function isOf(wanted: string, status: number | undefined): boolean {
  if (status === undefined) return false;
  return wanted.endsWith("xx") ? wanted.startsWith(String(status)[0] ?? "") : wanted === String(status);
}
