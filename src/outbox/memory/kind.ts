/** The memory outbox as one of the stores that may be chosen. */
import type { OutboxKind } from "../kind.ts";
import { memoryOutbox } from "./memory-outbox.ts";
import { type MemoryOutboxOptions, memoryOptions } from "./options.ts";

export const memoryKind: OutboxKind<MemoryOutboxOptions> = {
  name: "memory",
  title: "memory",
  guarantees: { durable: false, shared: false, transactional: false, clusterLimits: true },
  isOurs: true,
  options: memoryOptions,
  fromText: {
    expected: "memory",
    read: (text) => (text === "memory" ? {} : undefined),
  },
  open: (options, { now }) => memoryOutbox({ ...options, now }),
};
