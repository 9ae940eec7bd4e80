/** The span plugin: OpenTelemetry spans that match a rule, so that whatever is traced already can send webhooks. */
import { checkOptions, definePlugin, type EventDefinition, type PluginHost } from "mova-webhooks/plugin";
import type { ObservedSpan } from "./observed-span.ts";
import { addProcessor, createProcessor, isProvider, safely, type SpanProcessor } from "./processor.ts";
import { followRegistration } from "./registration.ts";
import { eventOf, matches, ruleParts, type SpanData, type SpanRule, tell } from "./rule.ts";

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

/** How long a missing SDK is not warned of. A program that takes longer to start one is watched all the same. */
const patienceMs = 10_000;
const noProvider =
  "no tracer provider is registered, so that no span is seen: start an OpenTelemetry SDK, or give the provider to `instrument`";

const failedSpans: SpanRule = { event: "span.failed", status: "error" };

/**
 * Watches the registered tracer provider from the start on, also one that is registered later, and providers given to
 * `instrument`. Where a provider takes no processor later, give it `processor` when it is made. Spans that are not
 * recorded are not seen.
 */
export function span(given: SpanOptions = {}) {
  checkOptions("span", given, {
    rules: { expected: "a list of rules", fits: Array.isArray },
    exceptions: "boolean",
  });
  const { rules = [failedSpans], exceptions = false } = given;
  for (const [index, rule] of rules.entries()) checkOptions("span", rule, ruleParts, `rules[${index}]`);
  const hosts = new Set<PluginHost>();
  const watched = new WeakSet<object>();
  /** Whether any provider is known to be watched; a processor that was given by hand tells by its first span. */
  let isWatching = false;
  const processor: SpanProcessor = createProcessor(hosts, { exceptions, used: () => (isWatching = true) });

  function watch(provider: object, host: PluginHost): void {
    isWatching = true;
    if (watched.has(provider)) return;
    watched.add(provider);
    safely(host, () => addProcessor(provider, processor, host));
  }

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
            watch(provider, host);
            return provider;
          },
        },
      ],
      attach(host) {
        hosts.add(host);
        const unfollow = followRegistration((provider) => watch(provider, host), {
          patienceMs,
          missing() {
            if (!isWatching) host.log.warn({}, noProvider);
          },
        });
        return function detachFromSpans() {
          unfollow();
          hosts.delete(host);
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
