/** What the demo prints at its end: a table, a trace as a tree, and the metric lines that matter. */
import type { Delivery } from "../../event/delivery.ts";
import type { Tally } from "./receiver-process.ts";

/** The part of an OpenTelemetry span that the tree shows. */
export interface ShownSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly durationMs: number;
  readonly note: string;
}

export function endpointTable(
  deliveries: readonly Delivery[],
  tallies: Readonly<Record<string, Tally>>,
): string {
  const ids = [...new Set(deliveries.map((delivery) => delivery.endpointId))].sort();
  const rows = ids.map((id) => {
    const own = deliveries.filter((delivery) => delivery.endpointId === id);
    const count = (state: string): number => own.filter((delivery) => delivery.state === state).length;
    const retries = own.reduce((sum, delivery) => sum + Math.max(0, delivery.attempts.length - 1), 0);
    const tally = tallies[`/${id}`];
    const numbers = [
      own.length,
      tally?.requests ?? 0,
      tally?.verified ?? 0,
      retries,
      count("delivered"),
      count("dead"),
    ];
    return [id, ...numbers.map(String)];
  });
  return table(["endpoint", "events", "received", "verified", "retried", "delivered", "lost (dead)"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return [line(head), widths.map((width) => "─".repeat(width)).join("──"), ...rows.map(line)].join("\n");
}

/** Draws the spans of one event: its own trace, then the traces of later attempts, which are linked to it. */
export function traceTree(spans: readonly ShownSpan[], publish: ShownSpan): string {
  const linked = spans.filter((span) => span.links.some((link) => link.spanId === publish.spanId));
  const traces = new Set([publish.traceId, ...linked.map((span) => span.traceId)]);
  const lines: string[] = [];
  for (const traceId of traces) {
    lines.push(
      traceId === publish.traceId ? `trace ${traceId}` : `trace ${traceId}  (linked to the publish span)`,
    );
    const own = spans.filter((span) => span.traceId === traceId);
    const roots = own.filter((span) => !own.some((other) => other.spanId === span.parentSpanId));
    for (const root of roots) drawSpan(root, own, publish, "  ", lines);
  }
  return lines.join("\n");
}

function drawSpan(
  span: ShownSpan,
  all: readonly ShownSpan[],
  publish: ShownSpan,
  indent: string,
  lines: string[],
): void {
  lines.push(`${indent}${span.name}  ${span.durationMs.toFixed(1)} ms${span.note}`);
  for (const child of all.filter((other) => other.parentSpanId === span.spanId)) {
    // Of the many events of a component, only the one that is shown.
    if (child.name.startsWith("publish ") && child.spanId !== publish.spanId) continue;
    drawSpan(child, all, publish, `${indent}  `, lines);
  }
}

/** Events by source, whatever failed, and what waits or is dead: the lines an operator looks at first. */
const shown = [
  /^mova_webhook_events_total/,
  /^mova_webhook_attempts_total.*outcome="(?!success)/,
  /^mova_webhook_deliveries_total.*outcome="dead"/,
  /^mova_webhook_outbox_deliveries/,
  /^mova_webhook_delivery_lag_seconds_count/,
];

/** Picks the sample lines worth a look, as a scrape would show them. */
export function metricLines(text: string): string {
  const lines = text
    .split("\n")
    .filter((line) => !line.endsWith(" 0") && shown.some((pattern) => pattern.test(line)));
  return lines.map((line) => line.replace(/ # .*/, "")).join("\n");
}
