/** What the intake is built with. */
import type { Logger } from "../event/logger.ts";
import type { WatchedOutbox } from "../outbox/watched.ts";
import type { EventHandlers } from "../routing/event-handlers.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Tracing } from "../telemetry/trace-contract.ts";
import type { HandOver } from "./hand-over.ts";

export interface IntakeOptions {
  readonly table: RoutingTable;
  readonly handlers: EventHandlers;
  readonly outbox: WatchedOutbox;
  readonly handOver: HandOver;
  readonly lifecycle: Required<Lifecycle>;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly now: () => number;
  readonly maxBodyBytes: number;
  /** Names this process in stored events, to tell its own from those of others. */
  readonly origin: string;
  /** Whether events are taken at first. */
  readonly open: boolean;
}
