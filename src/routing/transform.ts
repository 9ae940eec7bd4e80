/** Lets endpoints that want another shape make their own body: once, so that every retry sends and signs the same. */
import { checkHeaders } from "../settings/headers.ts";
import { answeredAtOnce } from "../event/at-once.ts";
import type { Endpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import { ownCopy } from "../event/own-copy.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";
import type { TransformedEvent } from "../event/sending-settings.ts";
import { serializeEvent, type WebhookEvent, writeJson } from "../event/webhook-event.ts";
import type { DeliveryContent } from "../outbox/outbox.ts";
import type { FunctionFailure, Routing } from "./routing-table.ts";

export interface TransformedRouting extends Routing {
  /** By endpoint id. */
  readonly contents: ReadonlyMap<string, DeliveryContent>;
}

/** Asks the transforms of the endpoints that get the event; they see its `body`. */
export function transform(
  routing: Routing,
  event: WebhookEvent,
  maxBodyBytes: number,
  body = serializeEvent(event, Number.POSITIVE_INFINITY),
): TransformedRouting {
  const { endpoints, decisions: decided, transforms } = routing;
  const contents = new Map<string, DeliveryContent>();
  const failures: FunctionFailure[] = [];
  for (const endpoint of endpoints) {
    if (endpoint.transform === undefined) continue;
    try {
      contents.set(endpoint.id, contentOf(endpoint, ownCopy(event, body), maxBodyBytes));
    } catch (error) {
      failures.push({ endpointId: endpoint.id, reason: "transform_failed", error });
    }
  }
  const failed = new Set(failures.map(({ endpointId }) => endpointId));
  const decisions = decided.map((decision): RoutingDecision => {
    const { endpointId } = decision;
    return failed.has(endpointId) ? { endpointId, routed: false, reason: "transform_failed" } : decision;
  });
  return {
    endpoints: endpoints.filter((endpoint) => !failed.has(endpoint.id)),
    decisions,
    transforms,
    contents,
    failures: [...routing.failures, ...failures],
  };
}

function contentOf(
  { id, transform: change }: Endpoint,
  event: WebhookEvent,
  maxBodyBytes: number,
): DeliveryContent {
  const { body: made, headers } = Object(
    answeredAtOnce(change?.(event), `\`transform\` of endpoint \`${id}\``),
  ) as Partial<TransformedEvent>;
  const body = bytesOf(made);
  if (body.length > maxBodyBytes) {
    const detail = `The transform of endpoint \`${id}\` made ${body.length} bytes, the limit is ${maxBodyBytes}`;
    throw new WebhookError("DATA_TOO_LARGE", detail);
  }
  const checked = [...checkHeaders(id, headers)].map(([name, value]) => [name, value.reveal()]);
  return { body, headers: Object.fromEntries(checked) as Record<string, string> };
}

function bytesOf(made: unknown): Buffer {
  if (typeof made === "string") return Buffer.from(made);
  // A copy: whoever made the bytes may use their memory again.
  if (made instanceof Uint8Array) return Buffer.from(made);
  if (typeof made === "object" && made !== null) return Buffer.from(writeJson(made, "What a transform made"));
  throw new WebhookError(
    "DATA_UNSERIALISABLE",
    "A transform must return { body } with an object, text or bytes",
  );
}
