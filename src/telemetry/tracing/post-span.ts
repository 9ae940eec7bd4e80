/** `POST`: the HTTP request of an attempt. */
import * as api from "@opentelemetry/api";
import type { Endpoint } from "../../event/endpoint.ts";
import type { AttemptFacts } from "../trace-contract.ts";
import * as name from "./semconv.ts";

export function startPost(
  tracer: api.Tracer,
  { claim, endpoint }: AttemptFacts,
  deliver: api.Span,
): api.Span {
  const parent = api.trace.setSpan(api.ROOT_CONTEXT, deliver);
  const span = tracer.startSpan("POST", { kind: api.SpanKind.CLIENT }, parent);
  if (span.isRecording()) {
    span.setAttributes(describeServer(endpoint));
    if (claim.attempt > 1) span.setAttribute(name.HTTP_REQUEST_RESEND_COUNT, claim.attempt - 1);
  }
  return span;
}

/** Reading a URL's parts costs more than a span; endpoints are few and do not change. */
const described = new WeakMap<Endpoint, api.Attributes>();

function describeServer(endpoint: Endpoint): api.Attributes {
  const known = described.get(endpoint);
  if (known !== undefined) return known;
  const { url } = endpoint;
  const attributes = {
    [name.HTTP_REQUEST_METHOD]: "POST",
    [name.SERVER_ADDRESS]: url.hostname.replace(/^\[|\]$/g, ""),
    [name.SERVER_PORT]: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    [name.URL_FULL]: url.origin,
  };
  described.set(endpoint, attributes);
  return attributes;
}
