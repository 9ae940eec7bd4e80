/** `deliver {type}` and `deliver batch`: one attempt, linked to the publish spans of what it delivers. */
import * as api from "@opentelemetry/api";
import type { Claim } from "../../outbox/outbox.ts";
import type { AttemptFacts } from "../trace-contract.ts";
import { describeEvent } from "./running-span.ts";
import * as name from "./semconv.ts";
import { readTraceContext } from "./trace-context.ts";

/** An attempt later than this is a trace of its own: traces that last for hours break tail sampling. */
const maxParentAgeMs = 60_000;

/**
 * Starts from the root context, never from the active one: a task queue may have leaked somebody else's.
 * Publish is always linked, and the parent only while that keeps the trace short.
 */
export function startDeliver(tracer: api.Tracer, facts: AttemptFacts, now: number): api.Span {
  if (facts.batch !== undefined) return startDeliverBatch(tracer, facts.batch, facts);
  const { claim, sameProcess } = facts;
  const { event, previous } = claim;
  const publish = readTraceContext(event, !sameProcess);
  const links: api.Link[] = publish === undefined ? [] : [{ context: publish }];
  // Only ids of sampled spans are recorded, so this flag is known.
  if (previous !== undefined) links.push({ context: { traceFlags: api.TraceFlags.SAMPLED, ...previous } });
  const isChild = publish !== undefined && sameProcess && now - event.createdAt < maxParentAgeMs;
  const parent = isChild ? api.trace.setSpanContext(api.ROOT_CONTEXT, publish) : api.ROOT_CONTEXT;
  const span = tracer.startSpan(`deliver ${event.type}`, { kind: api.SpanKind.CONSUMER, links }, parent);
  if (span.isRecording()) {
    span.setAttributes({
      [name.MESSAGING_OPERATION_NAME]: "deliver",
      [name.MESSAGING_OPERATION_TYPE]: "process",
      [name.MOVA_ENDPOINT_ID]: claim.endpointId,
      [name.MOVA_DELIVERY_ID]: claim.id,
      [name.MOVA_ATTEMPT]: claim.attempt,
      ...describeEvent(event.id, event.type, event.source),
    });
  }
  return span;
}

/** A batch has no one parent: it is linked to the publish spans of all its events. */
function startDeliverBatch(
  tracer: api.Tracer,
  batch: readonly Claim[],
  { claim, sameProcess }: AttemptFacts,
): api.Span {
  const publishes = batch.flatMap(({ event }) => readTraceContext(event, !sameProcess) ?? []);
  const links: api.Link[] = publishes.map((context) => ({ context }));
  if (claim.previous !== undefined) {
    links.push({ context: { traceFlags: api.TraceFlags.SAMPLED, ...claim.previous } });
  }
  const span = tracer.startSpan("deliver batch", { kind: api.SpanKind.CONSUMER, links }, api.ROOT_CONTEXT);
  if (span.isRecording()) {
    span.setAttributes({
      [name.MESSAGING_OPERATION_NAME]: "deliver",
      [name.MESSAGING_OPERATION_TYPE]: "process",
      [name.MESSAGING_SYSTEM]: name.MESSAGING_SYSTEM_MOVA,
      [name.MESSAGING_BATCH_MESSAGE_COUNT]: batch.length,
      [name.MOVA_ENDPOINT_ID]: claim.endpointId,
      [name.MOVA_ATTEMPT]: claim.attempt,
    });
  }
  return span;
}
