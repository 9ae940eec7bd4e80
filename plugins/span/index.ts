/** The span plugin: OpenTelemetry spans that match a rule, so that whatever is traced already can send webhooks. */
import { definePlugin, type EventDefinition, type PluginHost } from "mova-webhooks/plugin";
import type { ObservedSpan } from "./observed-span.ts";
import {
  addProcessor,
  createProcessor,
  isProvider,
  registeredProvider,
  type SpanProcessor,
} from "./processor.ts";
import { eventOf, matches, type SpanData, type SpanRule, tell } from "./rule.ts";

export type { ObservedSpan } from "./observed-span.ts";
export type { SpanProcessor } from "./processor.ts";
export type { SpanData, SpanRule } from "./rule.ts";

export interface SpanOptions {
  /** The first rule of each event type that matches makes the event. @default failed spans, as `span.failed` */
  readonly rules?: readonly SpanRule[];
  /** Reports exceptions recorded on spans as `error.occurred`, through the error plugin. @default false */
  readonly exceptions?: boolean;
}

type SpanEvents = { readonly [Type in `span.${string}`]: SpanData };

const failedSpans: SpanRule = { event: "span.failed", status: "error" };

/**
 * Watches the registered tracer provider from the start on, and providers given to `instrument`. Where a provider
 * takes no processor later, give it `processor` when it is made. Spans that are not recorded are not seen.
 */
export function span({ rules = [failedSpans], exceptions = false }: SpanOptions = {}) {
  const hosts = new Set<PluginHost>();
  const processor: SpanProcessor = createProcessor(hosts, { exceptions });

  function draftsOf(on: "start" | "end", observed: ObservedSpan) {
    const matching = rules.filter((rule) => (rule.on ?? "end") === on && matches(rule, observed));
    const byType = new Map(matching.toReversed().map((rule) => [eventOf(rule), rule]));
    return [...byType].map(([type, rule]) => ({ type, data: tell(rule, observed) }));
  }

  const plugin = definePlugin<"span", SpanEvents>({
    contract: 1,
    name: "span",
    events: Object.fromEntries(rules.map((rule) => [eventOf(rule), definitionOf(rule)])),
    translate: {
      "span:started": (observed) => draftsOf("start", observed),
      "span:ended": (observed) => draftsOf("end", observed),
    },
    instrument: {
      objects: [
        {
          library: "OpenTelemetry tracer providers",
          recognises: isProvider,
          attach(provider, host) {
            hosts.add(host);
            addProcessor(provider, processor, host);
            return provider;
          },
        },
      ],
      attach(host) {
        hosts.add(host);
        const provider = registeredProvider();
        const remove = provider === undefined ? undefined : addProcessor(provider, processor, host);
        return function detachFromSpans() {
          hosts.delete(host);
          if (hosts.size === 0) remove?.();
        };
      },
    },
  });
  return { ...plugin, processor };
}

function definitionOf({ on = "end" }: SpanRule): EventDefinition<SpanData> {
  return {
    summary: on === "start" ? "A span that a rule names started." : "A span that a rule names ended.",
    example: {
      name: "GET",
      kind: "client",
      scope: "@opentelemetry/instrumentation-undici",
      status: "error",
      started_at: "2026-01-01T00:00:00.000Z",
      ...(on === "end" && { duration_ms: 41.7 }),
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      span_id: "b7ad6b7169203331",
      attributes: { "http.request.method": "GET", "http.response.status_code": 503 },
    },
  };
}
