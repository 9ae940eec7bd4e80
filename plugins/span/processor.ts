/** A span processor that publishes on the bus, and how it gets into a provider that exists already. */
import { context, trace } from "@opentelemetry/api";
import { hasMethods, patchMethod, type PluginHost } from "mova-webhooks/plugin";
import { type ObservedSpan, observe, type SdkSpan, scopeOf } from "./observed-span.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "span:started": ObservedSpan;
    "span:ended": ObservedSpan;
  }
}

/** What the SDK's `spanProcessors` takes; its own interface fits this one. */
export interface SpanProcessor {
  onStart(span: SdkSpan): void;
  onEnd(span: SdkSpan): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Name of the tracer whose spans tell of deliveries: they must not become deliveries. */
const ownScope = "mova-webhooks";

/**
 * Publishes to all `hosts` that want it. Nothing that goes wrong in it reaches the traced program. `used` is called
 * with every span that starts.
 */
export function createProcessor(
  hosts: ReadonlySet<PluginHost>,
  { exceptions, used }: { readonly exceptions: boolean; readonly used: () => void },
): SpanProcessor {
  function publish(topic: "span:started" | "span:ended", span: SdkSpan): void {
    for (const host of hosts) {
      if (!host.wants(topic) || scopeOf(span) === ownScope) continue;
      safely(host, () => {
        // So that the event's own span is a child of the span it tells of.
        const within = trace.setSpanContext(context.active(), span.spanContext());
        context.with(within, () => host.publish(topic, observe(span)));
      });
    }
  }
  return {
    onStart(span) {
      used();
      publish("span:started", span);
      if (!exceptions) return;
      for (const host of hosts) {
        if (host.wants("error:reported") && scopeOf(span) !== ownScope)
          safely(host, () => watchExceptions(span, host));
      }
    },
    onEnd: (span) => publish("span:ended", span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}

/** Sees the error object itself, of which a span keeps only texts: so that one error is one event. */
function watchExceptions(span: SdkSpan, host: PluginHost): void {
  patchMethod(span, "recordException", host, (recordException) => {
    return function recordWatchedException(this: unknown, ...args: never[]): unknown {
      safely(host, () => {
        const { traceId, spanId } = span.spanContext();
        const error: unknown = args[0];
        host.publish("error:reported", {
          error,
          context: { origin: "span", span: span.name, trace_id: traceId, span_id: spanId },
        });
      });
      return Reflect.apply(recordException, this, args);
    };
  });
}

/** Logs what `run` throws: whoever makes or registers spans must not hear of it. */
export function safely(host: PluginHost, run: () => void): void {
  try {
    run();
  } catch (error) {
    host.log.warn(
      { error_type: error instanceof Error ? error.name : typeof error },
      "watching spans failed",
    );
  }
}

export function isProvider(component: object): boolean {
  return hasMethods(component, "getTracer", "forceFlush", "shutdown");
}

/**
 * Adds the processor to a provider that exists. SDK 1 has a method for it; since SDK 2 there is only the list that
 * its processor keeps, and where even that is not found, the log says what to do.
 */
export function addProcessor(provider: object, processor: SpanProcessor, host: PluginHost): void {
  const list = processorsOf(provider);
  if (list?.includes(processor)) return;
  if (list !== undefined && !Object.isFrozen(list)) {
    list.push(processor);
  } else if (hasMethods(provider, "addSpanProcessor")) {
    (provider as { addSpanProcessor(added: SpanProcessor): void }).addSpanProcessor(processor);
  } else {
    host.log.warn(
      {},
      "this tracer provider takes no processor: give it `span().processor` in its `spanProcessors`",
    );
  }
}

function processorsOf(provider: object): unknown[] | undefined {
  const active: unknown = Reflect.get(provider, "_activeSpanProcessor");
  const list: unknown = Reflect.get(Object(active), "_spanProcessors");
  return Array.isArray(list) ? (list as unknown[]) : undefined;
}
