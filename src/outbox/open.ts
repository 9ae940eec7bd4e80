/** Opens the outbox that the configuration chose; the two that need an optional package are loaded only then. */
import type { Logger } from "../event/logger.ts";
import { memoryOutbox } from "./memory/memory-outbox.ts";
import type { Outbox, OutboxChoice } from "./outbox.ts";

interface OpenOptions {
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
  /** Is warned of settings with which a store may lose deliveries. */
  readonly logger?: Logger;
}

/** Rejects with DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE or OUTBOX_INVALID. */
export function openOutbox(
  choice: OutboxChoice = { type: "memory" },
  { now = Date.now, ...rest }: OpenOptions = {},
): Outbox | Promise<Outbox> {
  switch (choice.type) {
    case "memory":
      return memoryOutbox({ ...choice, now });
    case "sqlite":
      return import("./sqlite/index.ts").then(({ sqliteOutbox }) => sqliteOutbox({ path: choice.path, now }));
    case "redis":
      return import("./redis/index.ts").then(({ redisOutbox }) => redisOutbox({ ...choice, ...rest }));
  }
}
