/**
 * BullMQ's part of the Redis outbox, in its manual mode: one queue of first attempts and one of retries per endpoint.
 *
 * A job is a delivery's ticket: drawing it gives the lock that a claim is. The job's id is the delivery's, so that a
 * ticket written twice is one. What a delivery is and when it is due, its record says; a ticket that disagrees with
 * the record is put right when it is drawn, and one that is missing is written again. So no crash between the two
 * loses or doubles anything.
 */
import type { IQueueBackend, JobJson, MinimalJob } from "bullmq";
import type { Connected } from "./session.ts";

export type TicketKind = "first" | "again";

export interface Ticket {
  readonly id: string;
  readonly endpointId: string;
  readonly kind: TicketKind;
  /** BullMQ's lock token, different for every draw. */
  readonly lease: string;
}

export interface NewTicket extends Omit<Ticket, "lease"> {
  readonly dueAt: number;
}

/** Events that BullMQ keeps per queue for those who listen; nobody here does. */
const keptEvents = 100;
const queues = new WeakMap<Connected, Map<string, IQueueBackend>>();

/** Names a queue for its endpoint, whatever characters the endpoint's id has. */
export function queueName(endpointId: string, kind: TicketKind): string {
  return `${encodeURIComponent(Buffer.from(endpointId).toString())}.${kind}`;
}

/** Writes tickets; those that are there already stay as they are. */
export async function addTickets(connected: Connected, tickets: readonly NewTicket[]): Promise<void> {
  const byQueue = new Map<IQueueBackend, { job: JobJson; jobId: string }[]>();
  // Equal ranks keep their order; who is due longest is drawn first.
  for (const ticket of tickets.toSorted((left, right) => left.dueAt - right.dueAt)) {
    const queue = queueOf(connected, ticket.endpointId, ticket.kind);
    const jobs = byQueue.get(queue) ?? [];
    jobs.push({ job: jobOf(ticket, connected), jobId: ticket.id });
    byQueue.set(queue, jobs);
  }
  await Promise.all([...byQueue].map(([queue, jobs]) => queue.addJobs(jobs)));
}

/** Draws up to a number of tickets that are due, in the order in which they became so. */
export async function drawTickets(
  connected: Connected,
  endpointId: string,
  kind: TicketKind,
  count: number,
  nextLease: () => string,
): Promise<Ticket[]> {
  const queue = queueOf(connected, endpointId, kind);
  const draws = Array.from({ length: count }, async () => {
    const lease = nextLease();
    const [, id] = (await queue.moveToActive(lease)) as unknown[];
    return typeof id === "string" && id !== "" ? { id, endpointId, kind, lease } : undefined;
  });
  return (await Promise.all(draws)).filter((ticket) => ticket !== undefined);
}

/** Ends a ticket whose delivery needs no further attempt. */
export async function tearUp(connected: Connected, ticket: Ticket, failedReason?: string): Promise<void> {
  const queue = queueOf(connected, ticket.endpointId, ticket.kind);
  const job = { id: ticket.id, opts: {} } as MinimalJob;
  if (failedReason === undefined) await queue.moveToCompleted(job, null, true, ticket.lease, false);
  else await queue.moveToFailed(job, failedReason, true, ticket.lease, false);
}

/** Hands a ticket back, to be drawn when its delivery is due again. */
export async function handBack(connected: Connected, ticket: Ticket, dueAt: number): Promise<void> {
  const queue = queueOf(connected, ticket.endpointId, ticket.kind);
  const delay = delayMs(dueAt, connected);
  await queue.moveToDelayed(ticket.id, Date.now(), delay, ticket.lease, { skipAttempt: true });
}

/** Turns the ticket of a first attempt into that of a retry; a retry's is handed back. */
export async function planRetry(connected: Connected, ticket: Ticket, dueAt: number): Promise<void> {
  if (ticket.kind === "again") return handBack(connected, ticket, dueAt);
  // The new one first: in between there may be two, never none.
  await Promise.all([
    addTickets(connected, [{ ...ticket, kind: "again", dueAt }]),
    tearUp(connected, ticket),
  ]);
}

/** Removes tickets that nobody holds. */
export async function removeTickets(
  connected: Connected,
  tickets: readonly Omit<NewTicket, "dueAt">[],
): Promise<void> {
  const removals = tickets.map(({ id, endpointId, kind }) =>
    queueOf(connected, endpointId, kind).remove(id, false),
  );
  await Promise.all(removals);
}

/** Keeps the locks of held tickets for another `lockMs`. */
export async function renewTickets(
  connected: Connected,
  tickets: readonly Ticket[],
  lockMs: number,
): Promise<void> {
  const byQueue = new Map<IQueueBackend, Ticket[]>();
  for (const ticket of tickets) {
    const queue = queueOf(connected, ticket.endpointId, ticket.kind);
    byQueue.set(queue, [...(byQueue.get(queue) ?? []), ticket]);
  }
  const renewals = [...byQueue].map(([queue, held]) =>
    queue.extendLocks(
      held.map(({ id }) => id),
      held.map(({ lease }) => lease),
      lockMs,
    ),
  );
  await Promise.all(renewals);
}

/** Lets tickets be drawn again whose holder no longer renews its locks. */
export async function freeStalledTickets(connected: Connected, endpointId: string): Promise<void> {
  const kinds: TicketKind[] = ["first", "again"];
  await Promise.all(kinds.map((kind) => queueOf(connected, endpointId, kind).moveStalledJobsToWait()));
}

function queueOf(connected: Connected, endpointId: string, kind: TicketKind): IQueueBackend {
  const known = queues.get(connected) ?? new Map<string, IQueueBackend>();
  queues.set(connected, known);
  const name = queueName(endpointId, kind);
  const queue = known.get(name);
  if (queue !== undefined) return queue;
  const opened = connected.bullmq.forQueue(name);
  known.set(name, opened);
  // Sent ahead of the first command of the queue; where it fails, more events are kept and nothing else.
  opened.setQueueMeta({ "opts.maxLenEvents": keptEvents }).catch(() => undefined);
  return opened;
}

function jobOf({ id, dueAt }: NewTicket, connected: Connected): JobJson {
  return {
    id,
    name: "delivery",
    data: "{}",
    opts: { delay: delayMs(dueAt, connected), removeOnComplete: true, removeOnFail: true },
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    timestamp: Date.now(),
    failedReason: "",
    returnvalue: "",
    stalledCounter: 0,
  };
}

/** BullMQ reads the system's clock, not the one the outbox was given: so it gets a duration, and no point in time. */
function delayMs(dueAt: number, { now }: Connected): number {
  return Math.max(0, Math.ceil(dueAt - now()));
}

/** Reads kind, id, kind, id … of a result. */
export function namedIn(answer: unknown, endpointId: string): Omit<NewTicket, "dueAt">[] {
  const words = (answer as Buffer[]).map(String);
  return words.flatMap((kind, index) =>
    index % 2 === 0 ? [{ kind: kind as TicketKind, id: words[index + 1] as string, endpointId }] : [],
  );
}
