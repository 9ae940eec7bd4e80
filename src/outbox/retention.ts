/** Lets finished events go after a while, so that a store on disk does not grow for ever. */
import type { Logger } from "../event/logger.ts";
import { type Retention, retention as retentionSetting } from "../settings/manager.ts";
import type { Outbox } from "./outbox.ts";
import { everyInterval } from "./ticker.ts";

const dayMs = 86_400_000;
const intervalMs = 600_000;

/** Prunes now and every ten minutes; the returned function ends it. A failure is logged and tried again next time. */
export function keepPruned(
  outbox: Outbox,
  retention: Retention,
  now: () => number,
  logger: Logger,
): () => void {
  const { fields } = retentionSetting;
  const { days = fields.days.default, deliveries: keep = fields.deliveries.default } = retention;
  function prune(): void {
    const limits = days > 0 ? { before: now() - days * dayMs, keep } : { keep };
    outbox.prune(limits).catch((error: unknown) => logger.warn({ err: error }, "prune failed"));
  }
  prune();
  return everyInterval(intervalMs, prune);
}
