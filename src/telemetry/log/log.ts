/** Writes a line for every attempt, and for what an operator must know. Ids and words only: no payload, no URL. */
import { type Logger, silentLogger } from "../../event/logger.ts";
import { discreetError } from "./discreet-logger.ts";
import { type DropReason, dropFaults, type Lifecycle } from "../lifecycle.ts";
import { throttle } from "../../time/throttle.ts";
import { wallNow } from "../../time/timers.ts";

export interface LogOptions {
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

const faults: ReadonlySet<DropReason> = new Set(dropFaults);

/** Tells a logger what observers are told. The silent logger costs nothing. */
export function createLog(logger: Logger, { now = wallNow }: LogOptions = {}): Lifecycle {
  if (logger === silentLogger) return {};
  const countSince = throttle(now);
  // By our clock, because what failed may be the program's.
  const countFailures = throttle(wallNow);
  return {
    attempted(fact) {
      const { outcome, durationMs, status, detail } = fact.outcome;
      const fields = {
        attempt: fact.attempt,
        ...(fact.replay > 0 ? { replay: fact.replay } : {}),
        outcome,
        ...(status === undefined ? {} : { status }),
        ...(detail === undefined ? {} : { detail }),
        duration_ms: durationMs,
        next: fact.next,
        ...(fact.nextAt === undefined ? {} : { next_at: isoTime(fact.nextAt) }),
        ...idsOf(fact),
      };
      if (outcome === "success") logger.info(fields, "delivery.attempted");
      else logger.warn(fields, "delivery.attempted");
    },
    settled(fact) {
      if (fact.outcome !== "dead") return;
      logger.error({ reason: fact.reason, lag_ms: fact.lagMs, ...idsOf(fact) }, "delivery.dead");
    },
    buried({ endpointId, count, reason }) {
      logger.error({ endpoint_id: endpointId, reason, count }, "deliveries.dead");
    },
    endpointChanged({ endpointId, enabled, reason }) {
      const fields = { endpoint_id: endpointId, enabled, reason };
      if (enabled) logger.info(fields, "endpoint.changed");
      else logger.warn(fields, "endpoint.changed");
    },
    circuitChanged({ endpointId, state, until }) {
      const fields = { endpoint_id: endpointId, state };
      if (state === "open") logger.warn({ ...fields, until: isoTime(until) }, "circuit.changed");
      else logger.info(fields, "circuit.changed");
    },
    endpointFailing({ endpointId, since, percent, disableAt, failureRate }) {
      const fields = {
        endpoint_id: endpointId,
        ...(percent === undefined ? {} : { percent }),
        ...(failureRate === undefined ? {} : { failure_rate: failureRate }),
        since: isoTime(since),
        ...(disableAt === undefined ? {} : { disable_at: isoTime(disableAt) }),
      };
      logger.warn(fields, "endpoint.failing");
    },
    pluginFailed({ plugin, during, error }) {
      const count = countSince(`plugin ${plugin} ${during}`, 1);
      if (count > 0) logger.error({ plugin, during, count, ...discreetError(error) }, "plugin.failed");
    },
    dropped({ source, reason, count: added, endpointId, error }) {
      const count = countSince(`drop ${source} ${reason} ${endpointId}`, added);
      if (count === 0) return;
      const endpoint = endpointId === undefined ? {} : { endpoint_id: endpointId };
      const fields = {
        source,
        reason,
        count,
        ...endpoint,
        ...(error === undefined ? {} : discreetError(error)),
      };
      if (faults.has(reason)) logger.warn(fields, "event.dropped");
      else logger.debug(fields, "event.dropped");
    },
    outboxUsed({ operation, durationMs, error }) {
      if (error === undefined) return;
      const count = countSince(`outbox ${operation}`, 1);
      if (count === 0) return;
      logger.error({ operation, duration_ms: durationMs, count, ...discreetError(error) }, "outbox.failed");
    },
    observerFailed({ fact, error }) {
      const count = countSince(`observer ${fact}`, 1);
      if (count > 0) logger.error({ fact, count, ...discreetError(error) }, "observer.failed");
    },
    functionFailed({ function: name, error }) {
      // Of a handler a line is written where it is called; to a logger that fails, none can be.
      const count = name === "handler" || name === "logger" ? 0 : countFailures(name, 1);
      if (count > 0) logger.error({ function: name, count, ...discreetError(error) }, "function.failed");
    },
  };
}

function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

interface Ids {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

function idsOf({ deliveryId, eventId, eventType, endpointId, traceId, spanId }: Ids): object {
  const ids = { delivery_id: deliveryId, event_id: eventId, event_type: eventType, endpoint_id: endpointId };
  return traceId === undefined ? ids : { trace_id: traceId, span_id: spanId, ...ids };
}
