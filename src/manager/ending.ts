/** How a manager ends: what is in flight first, then the servers, the store at last, and all of it in time. */
import type { Logger } from "../event/logger.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { countdown, withDeadline } from "../time/deadline.ts";
import type { Parts } from "./assemble.ts";
import type { ClosingTime, Life } from "./life.ts";

/** What runs beside a manager until its end. */
export interface Running {
  readonly stops: (() => void)[];
  readonly servers: { close(deadlineMs: number): Promise<void> }[];
}

/** Opens a server that the end closes, also where that comes while it opens. */
export async function openServer<Server extends Running["servers"][number]>(
  { servers }: Running,
  life: Life,
  open: () => Promise<Server>,
): Promise<Server> {
  life.refuseWhenClosed();
  const server = await open();
  servers.push(server);
  if (life.isClosed) await server.close(0);
  life.refuseWhenClosed();
  return server;
}

/**
 * Ends what is in flight and is over in time, whatever is stuck. What waits in memory is delivered first where it is
 * due in time, retries too; what is lost with it is said.
 */
export async function close(
  { host, intake, worker, outbox, metrics, logger }: Parts,
  { stops, servers }: Running,
  { leftMs, attemptsLeftMs }: ClosingTime,
): Promise<void> {
  const inTime = (promise: Promise<unknown>): Promise<unknown> =>
    withDeadline(promise, leftMs(), () => undefined);
  for (const stop of stops) stop();
  host.detach();
  await withDeadline(intake.stored(), attemptsLeftMs(), () => undefined);
  const { durable } = outbox.guarantees;
  if (!durable) await worker.drain(attemptsLeftMs(), { retries: true }).catch(() => false);
  await worker.close(attemptsLeftMs(), leftMs);
  // Until now it answered scrapes, and said that it is not ready.
  await inTime(Promise.all(servers.map((server) => server.close(leftMs()))));
  if (!durable && outbox.isOpen) await inTime(reportLost(outbox, logger).catch(() => undefined));
  try {
    await inTime(outbox.close(leftMs()));
  } finally {
    metrics.close();
  }
}

/** Says how much goes with the memory of this process. */
async function reportLost(outbox: Outbox, logger: Logger): Promise<void> {
  const counts = await outbox.counts();
  const count = counts.reduce((sum, { pending, delivering }) => sum + pending + delivering, 0);
  if (count > 0) logger.warn({ outbox: outbox.name, count }, "undelivered deliveries are lost");
}

/** Resolves with true once nothing is due or in flight, with false after `deadlineMs`. */
export async function drain({ intake, worker }: Parts, deadlineMs: number): Promise<boolean> {
  const leftMs = countdown(deadlineMs);
  await withDeadline(intake.stored(), leftMs(), () => undefined);
  return worker.drain(leftMs());
}
