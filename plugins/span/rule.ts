/** Which spans become which events, and what is told of them. */
import type { OptionRule, OptionRules } from "mova-webhooks/plugin";
import type { ObservedSpan } from "./observed-span.ts";

/** A text in which `*` stands for any characters, or a regular expression. */
type Pattern = string | RegExp;

/** Every condition that is given must hold. */
export interface SpanRule {
  /** Type of the events. @default `span.ended`, or `span.started` */
  readonly event?: `span.${string}`;
  /** @default "end" */
  readonly on?: "start" | "end";
  readonly name?: Pattern;
  /** Name of the instrumentation, such as `@opentelemetry/instrumentation-http`. */
  readonly scope?: Pattern;
  readonly kind?: ObservedSpan["kind"];
  /** Known at the end only. */
  readonly status?: ObservedSpan["status"];
  /** Attributes that the span must have. */
  readonly where?: Readonly<Record<string, Pattern | number | boolean>>;
  readonly minDurationMs?: number;
  /** Any other condition. */
  readonly when?: (span: ObservedSpan) => boolean;
  /** Attributes to send along; no other leaves the process. @default none */
  readonly attributes?: readonly string[];
}

export interface SpanData {
  readonly name: string;
  readonly kind: ObservedSpan["kind"];
  readonly scope: string;
  readonly status: ObservedSpan["status"];
  /** RFC 3339, UTC. */
  readonly started_at: string;
  readonly duration_ms?: number;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

const pattern: OptionRule = {
  expected: "a text or a regular expression",
  fits: (value) => typeof value === "string" || value instanceof RegExp,
};

export const ruleParts: OptionRules<SpanRule> = {
  event: {
    expected: "an event type such as span.slow",
    fits: (value) => typeof value === "string" && value.startsWith("span."),
  },
  on: oneOf("start", "end"),
  name: pattern,
  scope: pattern,
  kind: oneOf("internal", "server", "client", "producer", "consumer"),
  status: oneOf("unset", "ok", "error"),
  where: {
    expected: "an object of attributes",
    fits: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  },
  minDurationMs: "number",
  when: "function",
  attributes: "string[]",
};

function oneOf(...words: readonly string[]): OptionRule {
  return { expected: `one of ${words.join(", ")}`, fits: (value) => words.includes(value as string) };
}

export function eventOf({ event, on }: SpanRule): `span.${string}` {
  return event ?? (on === "start" ? "span.started" : "span.ended");
}

export function matches(rule: SpanRule, span: ObservedSpan): boolean {
  const { name, scope, kind, status, where = {}, minDurationMs, when } = rule;
  if (kind !== undefined && kind !== span.kind) return false;
  if (status !== undefined && status !== span.status) return false;
  if (name !== undefined && !fits(name, span.name)) return false;
  if (scope !== undefined && !fits(scope, span.scope)) return false;
  if (minDurationMs !== undefined && !(span.durationMs >= minDurationMs)) return false;
  const attributes = Object.entries(where).every(([key, wanted]) => fits(wanted, span.attributes?.[key]));
  return attributes && (when === undefined || when(span));
}

function fits(wanted: Pattern | number | boolean, value: unknown): boolean {
  if (typeof wanted === "string") return typeof value === "string" && wildcard(wanted).test(value);
  if (wanted instanceof RegExp) return typeof value === "string" && value.search(wanted) !== -1;
  return wanted === value;
}

const wildcards = new Map<string, RegExp>();

function wildcard(text: string): RegExp {
  const known = wildcards.get(text);
  if (known !== undefined) return known;
  const words = text.split("*").map((word) => word.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const expression = new RegExp(`^${words.join("[^]*")}$`);
  wildcards.set(text, expression);
  return expression;
}

export function tell(rule: SpanRule, span: ObservedSpan): SpanData {
  const allowed = (rule.attributes ?? []).filter((key) => span.attributes[key] !== undefined);
  return {
    name: span.name,
    kind: span.kind,
    scope: span.scope,
    status: span.status,
    started_at: new Date(span.startedAt).toISOString(),
    ...(rule.on !== "start" && { duration_ms: span.durationMs }),
    trace_id: span.traceId,
    span_id: span.spanId,
    ...(span.parentSpanId !== undefined && { parent_span_id: span.parentSpanId }),
    ...(allowed.length > 0 && {
      attributes: Object.fromEntries(allowed.map((key) => [key, span.attributes[key]])),
    }),
  };
}
