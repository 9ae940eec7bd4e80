/** What the plugin reads of an OpenTelemetry span, whichever version of the SDK made it. */

/** A span as rules see it. */
export interface ObservedSpan {
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  /** Name of the instrumentation that made it. */
  readonly scope: string;
  readonly status: "unset" | "ok" | "error";
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** 0 where the span has only started. */
  readonly durationMs: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The members of the SDK's spans that are read: the SDK itself is never imported. */
export interface SdkSpan {
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code: number };
  readonly startTime: readonly [number, number];
  readonly duration: readonly [number, number];
  readonly attributes: Readonly<Record<string, unknown>>;
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
  readonly parentSpanContext?: { readonly spanId: string } | undefined;
}

const kinds = ["internal", "server", "client", "producer", "consumer"] as const;
const statuses = ["unset", "ok", "error"] as const;

export function observe(span: SdkSpan): ObservedSpan {
  const { traceId, spanId } = span.spanContext();
  const parentSpanId = span.parentSpanContext?.spanId ?? Reflect.get(span, "parentSpanId");
  return {
    name: span.name,
    kind: kinds[span.kind] ?? "internal",
    scope: scopeOf(span),
    status: statuses[span.status.code] ?? "unset",
    startedAt: milliseconds(span.startTime),
    durationMs: milliseconds(span.duration),
    traceId,
    spanId,
    ...(typeof parentSpanId === "string" && { parentSpanId }),
    attributes: span.attributes,
  };
}

/** SDK 1 calls it the instrumentation library. */
export function scopeOf(span: object): string {
  const scope: unknown =
    Reflect.get(span, "instrumentationScope") ?? Reflect.get(span, "instrumentationLibrary");
  return String(Reflect.get(Object(scope), "name"));
}

/** From seconds and nanoseconds, to the microsecond. */
function milliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return Math.round(seconds * 1e6 + nanoseconds / 1000) / 1000;
}
