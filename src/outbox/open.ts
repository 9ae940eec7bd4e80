/** Opens the outbox that the configuration chose; the two that need an optional package are loaded only then. */
import { memoryOutbox } from "./memory.ts";
import type { Outbox, OutboxChoice } from "./outbox.ts";

/** Rejects with DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE or OUTBOX_INVALID. */
export function openOutbox(
  choice: OutboxChoice = { type: "memory" },
  now: () => number = Date.now,
): Outbox | Promise<Outbox> {
  switch (choice.type) {
    case "memory":
      return memoryOutbox({ ...choice, now });
    case "sqlite":
      return import("./sqlite.ts").then(({ sqliteOutbox }) => sqliteOutbox({ path: choice.path, now }));
    case "redis":
      return import("./redis.ts").then(({ redisOutbox }) => redisOutbox(choice));
  }
}
