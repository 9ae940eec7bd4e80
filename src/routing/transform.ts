/** Lets endpoints that want another shape make their own body: once, so that every retry sends and signs the same. */
import { checkHeaders } from "../settings/headers.ts";
import type { Endpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";
import { readableEvent, type WebhookEvent, writeJson } from "../event/webhook-event.ts";
import type { DeliveryContent } from "../outbox/outbox.ts";
import type { Routing } from "./routing-table.ts";

export interface TransformedRouting extends Routing {
  /** By endpoint id. */
  readonly contents: ReadonlyMap<string, DeliveryContent>;
  /** Transforms that threw: their endpoints go without the event. */
  readonly failures: readonly { readonly endpointId: string; readonly error: unknown }[];
}

/** Asks the transforms of the endpoints that get the event. */
export function transform(routing: Routing, event: WebhookEvent, maxBodyBytes: number): TransformedRouting {
  const { endpoints, decisions: decided, transforms } = routing;
  const contents = new Map<string, DeliveryContent>();
  const failures: { endpointId: string; error: unknown }[] = [];
  for (const endpoint of endpoints) {
    try {
      const content = contentOf(endpoint, event, maxBodyBytes);
      if (content !== undefined) contents.set(endpoint.id, content);
    } catch (error) {
      failures.push({ endpointId: endpoint.id, error });
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
    failures,
  };
}

function contentOf(
  { id, transform: change }: Endpoint,
  event: WebhookEvent,
  maxBodyBytes: number,
): DeliveryContent | undefined {
  if (change === undefined) return undefined;
  const { body: made, headers } = change(readableEvent(event));
  const body = bytesOf(made);
  if (body.length > maxBodyBytes) {
    const detail = `The transform of endpoint \`${id}\` made ${body.length} bytes, the limit is ${maxBodyBytes}`;
    throw new WebhookError("DATA_TOO_LARGE", detail);
  }
  const checked = [...checkHeaders(id, headers)].map(([name, value]) => [name, value.reveal()]);
  return { body, headers: Object.fromEntries(checked) as Record<string, string> };
}

function bytesOf(made: object | string | Uint8Array): Buffer {
  if (typeof made === "string") return Buffer.from(made);
  // A copy: whoever made the bytes may use their memory again.
  if (made instanceof Uint8Array) return Buffer.from(made);
  if (typeof made === "object" && made !== null) return Buffer.from(writeJson(made, "What a transform made"));
  throw new WebhookError(
    "DATA_UNSERIALISABLE",
    "A transform must return { body } with an object, text or bytes",
  );
}
