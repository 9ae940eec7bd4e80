/** What a SQLite outbox may be given. */
import { object } from "../../settings/composed.ts";
import { number, path } from "../../settings/kinds.ts";
import { logger, now } from "../../settings/surroundings.ts";
import type { Logger } from "../../event/logger.ts";
import type { Guarantees } from "../outbox.ts";
import type { Place } from "../../settings/setting.ts";

export interface SqliteOutboxOptions {
  /** The file; it is created with mode 0600. */
  readonly path: string;
  /** How long after the death of its holder a claim may stay out of reach, in milliseconds. @default 3000 */
  readonly leaseMs?: number;
  /** How long a write waits for others to share its transaction, in milliseconds. @default 1 */
  readonly groupCommitMs?: number;
  /** Pending, claimed and dead deliveries held at a time; beyond it `put` rejects with OUTBOX_FULL. @default no limit */
  readonly maxDeliveries?: number;
  /** Is told of a file that other users may open, and of what was deleted or moved while it was open. */
  readonly logger?: Logger;
  /** @default Date.now */
  readonly now?: () => number;
}

const onlyInCode: { readonly places: readonly Place[] } = { places: ["code"] };

export const sqliteOptions = object<SqliteOutboxOptions>({
  path: { ...path, required: true },
  leaseMs: { ...number(1), ...onlyInCode, default: 3000 },
  groupCommitMs: { ...number(0), ...onlyInCode, default: 1 },
  maxDeliveries: number(0),
  logger,
  now,
});

/** What every outbox on a SQLite file promises. */
export const sqliteGuarantees: Guarantees = {
  durable: true,
  shared: true,
  transactional: false,
  clusterLimits: true,
};
