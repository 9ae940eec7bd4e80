/** Whatever observers are told, label values stay in closed sets and the text stays valid. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { outcomes } from "../../src/event/attempt-outcome.ts";
import { type AttemptedFact, dropReasons, type SettledFact } from "../../src/telemetry/lifecycle.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics/metrics.ts";
import { toTextFormat } from "../../src/telemetry/metrics/text-format.ts";
import { parseOpenMetrics } from "./openmetrics-parser.ts";

const maxEndpoints = 5;
const secrets = { id: "SECRET-id", reason: "SECRET reason", message: "SECRET message" };

/** Any text, with those that break formats and object keys well in the mix. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "other",
    "__proto__",
    'a"} 1 # {x="',
    "line\nbreak",
    "back\\",
    "\\n",
    "# EOF",
    "+Inf",
    "\r",
  ),
);
const traceId = fc.option(fc.stringMatching(/^[0-9a-f]{32}$/), { nil: undefined });
const durationMs = fc.oneof(fc.nat(100_000_000), fc.double({ min: 0, max: 1e9, noNaN: true }));

const ids = fc.record({
  deliveryId: fc.constant(secrets.id),
  eventId: fc.constant(secrets.id),
  eventType: text,
  endpointId: text,
});
const traced = traceId.map((id) => (id === undefined ? {} : { traceId: id, spanId: secrets.id }));

const attemptedFact: fc.Arbitrary<AttemptedFact> = fc
  .record({ ids, traced, outcome: fc.constantFrom(...outcomes), durationMs, attempt: fc.nat() })
  .map(({ outcome, durationMs: lasted, attempt, ...rest }) => ({
    attempt,
    replay: 0,
    outcome: { outcome, durationMs: lasted, status: attempt, response: secrets.message },
    next: "retry",
    ...rest.ids,
    ...rest.traced,
  }));
const settledFact: fc.Arbitrary<SettledFact> = fc
  .record({ ids, traced, outcome: fc.constantFrom("delivered", "dead"), lagMs: fc.integer() })
  .map((fact) => ({
    outcome: fact.outcome,
    lagMs: fact.lagMs,
    reason: secrets.reason,
    ...fact.ids,
    ...fact.traced,
  }));

const telling: fc.Arbitrary<(metrics: Required<Metrics>) => void> = fc.oneof(
  attemptedFact.map((fact) => (metrics: Required<Metrics>) => metrics.attempted(fact)),
  settledFact.map((fact) => (metrics: Required<Metrics>) => metrics.settled(fact)),
  fc.record({ source: text, eventType: text }).map((fact) => (metrics: Required<Metrics>) => {
    metrics.published({ eventId: secrets.id, ...fact });
  }),
  fc
    .record({ source: text, reason: fc.constantFrom(...dropReasons), count: fc.nat(1000) })
    .map((fact) => (metrics: Required<Metrics>) => metrics.dropped(fact)),
  fc.record({ operation: text, durationMs }).map((fact) => (metrics: Required<Metrics>) => {
    metrics.outboxUsed({ error: new Error(secrets.message), ...fact });
  }),
  text.map((plugin) => (metrics: Required<Metrics>) => {
    metrics.pluginFailed({ plugin, during: secrets.reason, error: new Error(secrets.message) });
  }),
);

const closed: Readonly<Record<string, readonly string[]>> = {
  reason: dropReasons,
  state: ["pending", "delivering", "dead"],
  version: ["1"],
};

function outcomesOf(family: string): readonly string[] {
  return family === "mova_webhook_deliveries" ? ["delivered", "dead"] : outcomes;
}

it("label values come from closed or capped sets, and no fact can break the format", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(telling, { maxLength: 60 }), async (tellings) => {
      const metrics = createMetrics({
        version: "1",
        now: () => 1_700_000_000_000,
        backlog: async () => [],
        lanes: () => [],
        maxEndpoints,
      }) as Required<Metrics>;
      for (const tell of tellings) tell(metrics);
      const openMetrics = await metrics.registry.metrics();
      const { types, samples } = parseOpenMetrics(openMetrics);

      expect(openMetrics).not.toContain("SECRET");
      const strays = samples.filter(({ family, labels }) =>
        Object.entries(labels).some(([label, value]) => {
          const allowed = label === "outcome" ? outcomesOf(family) : closed[label];
          return allowed !== undefined && !allowed.includes(value);
        }),
      );
      expect(strays).toEqual([]);
      const endpoints = new Set(
        samples.map((sample) => sample.labels["endpoint"]).filter((id) => id !== undefined && id !== "other"),
      );
      expect(endpoints.size).toBeLessThanOrEqual(maxEndpoints);

      // The plain text says the same: read it with the same strict parser, after undoing what it differs in.
      const plain = toTextFormat(openMetrics).replace(/^(# (?:HELP|TYPE) \S+)_total /gm, "$1 ");
      const again = parseOpenMetrics(`${plain}# EOF\n`);
      expect(again.types).toEqual(types);
      const withoutExemplars = samples.map(({ family, name, labels, value }) => ({
        family,
        name,
        labels,
        value,
      }));
      expect(again.samples).toEqual(withoutExemplars);
    }),
    { numRuns: 200 },
  );
});
