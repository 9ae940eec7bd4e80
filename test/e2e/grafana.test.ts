/** Dashboards and rules on a real Prometheus that scrapes the running demo. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebhookManager } from "mova-webhooks";
import { fakeEndpoint } from "mova-webhooks/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { panelsOf, readBoards, substitute, targetsOf } from "../../grafana/live/boards.ts";
import { type RunningDemo, startDemo } from "../../grafana/live/demo.ts";
import { hasPrometheus, type RunningPrometheus, startPrometheus } from "../../grafana/live/prometheus.ts";
import { readRules } from "../unit/alert-rules.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const grafana = fileURLToPath(new URL("../../grafana/", import.meta.url));
const present = hasPrometheus();
if (!present) console.warn("skipped: prometheus and promtool are not installed");

function promtool(...command: readonly string[]): {
  readonly status: number | null;
  readonly output: string;
} {
  const { status, stdout, stderr } = spawnSync("promtool", command, { cwd: grafana, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

describe.skipIf(!present)("promtool (skipped where Prometheus is not installed)", () => {
  it("accepts the configuration and the rules it names", () => {
    expect(promtool("check", "config", "provisioning/prometheus.yml")).toEqual({
      status: 0,
      output: expect.stringContaining("2 rule files found"),
    });
  });

  it("accepts the rules", () => {
    const checked = promtool("check", "rules", "alerts/recording.yml", "alerts/alerts.yml");
    expect(checked).toMatchObject({ status: 0 });
  });

  it("finds every alert firing where it should and silent where it should not", () => {
    const tested = promtool("test", "rules", "alerts/alerts.test.yml", "alerts/alerts.days.test.yml");
    expect(tested).toMatchObject({ status: 0 });
    expect(tested.output.match(/SUCCESS/g)).toHaveLength(2);
  });
});

describe.skipIf(!present)("metrics (skipped where Prometheus is not installed)", () => {
  it("are plain text that promtool has nothing to say about, and OpenMetrics that it takes into a database", async () => {
    const folder = temporaryFolder();
    const endpoint = await fakeEndpoint((_, response, count) =>
      response.writeHead(count < 3 ? 503 : 200).end(),
    );
    const manager = new WebhookManager({
      config: false,
      network: { allow: ["127.0.0.0/8"] },
      endpoints: [
        { id: 'odd "one" \\ with\nlines', url: endpoint.url, secret: "0123456789abcdef", retrySchedule: [0] },
      ],
    });
    await manager.start();
    try {
      for (const type of ["cache.updated", "error.occurred"]) await manager.triggerEvent(type, {});
      await endpoint.received(4);
      await manager.drain(5000);
      const server = await manager.listen({ port: 0 });
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const accept = "application/openmetrics-text";
      const openMetrics = await (await fetch(`${server.url}/metrics`, { headers: { accept } })).text();
      await server.close();

      const check = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
      expect([check.status, check.stderr]).toEqual([0, ""]);
      expect(text).toContain("mova_webhook_attempts_total{");

      // promtool imports samples with a time only; a scrape has none.
      const timed = openMetrics.replaceAll(/^([^#\n]+ [^\s#]+)( # .+)?$/gm, "$1 1700000000$2");
      const file = join(folder, "metrics");
      writeFileSync(file, timed);
      const made = promtool("tsdb", "create-blocks-from", "openmetrics", file, join(folder, "data"));
      expect(made).toMatchObject({ status: 0 });
      writeFileSync(file, timed.replace("# EOF", ""));
      expect(
        promtool("tsdb", "create-blocks-from", "openmetrics", file, join(folder, "data")).status,
      ).not.toBe(0);
    } finally {
      await manager.close(2000);
      await endpoint.close();
    }
  });
});

/** What the healthy part of the demo cannot show, and why. */
const mayBeEmpty: Readonly<Record<string, string>> = {
  "Events dropped, by source and reason": "nothing is dropped in the demo",
  "Errors of plugins, observers and functions": "nothing of the kind fails in the demo",
};

/** Where the expression of an alert is empty, the alert is well: these must fire in the demo, whose `down` is down. */
const mustFire = ["MovaWebhookDeadLetters"];

describe.skipIf(!present)("the demo, scraped by Prometheus (skipped where it is not installed)", () => {
  let demo: RunningDemo;
  let prometheus: RunningPrometheus;
  const seconds = (): number => Date.now() / 1000;
  let startedAt = 0;

  beforeAll(async () => {
    demo = await startDemo();
    startedAt = seconds();
    prometheus = await startPrometheus(demo.metricsUrl, 1);
    // Rates want two scrapes, and recorded rates of rates want two of those.
    await eventually(async () => (await seriesOf("mova_webhook:delivery_errors:ratio_rate1h")) > 0);
    await eventually(
      async () => (await seriesOf('ALERTS{alertname="MovaWebhookDeadLetters",alertstate="firing"}')) > 0,
    );
    await eventually(
      async () => (await seriesOf('rate(mova_webhook_deliveries_total{endpoint="down"}[10s])')) > 0,
    );
  }, 240_000);

  afterAll(async () => {
    await prometheus?.stop();
    await demo?.stop();
  }, 60_000);

  async function seriesOf(expr: string): Promise<number> {
    return (await prometheus.query(expr)).length;
  }

  /** Prometheus scrapes and evaluates in its own time. */
  const eventually = (condition: () => Promise<boolean>): Promise<void> => until(condition, 100_000, 200);

  it("is scraped without a complaint", async () => {
    const { activeTargets } = (await prometheus.get("targets")) as {
      readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
    };
    expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([["up", ""]]);
  });

  const panels = readBoards().flatMap(({ file, model }) =>
    panelsOf(model).flatMap((panel) =>
      targetsOf(panel).map((target) => ({ file, title: panel.title ?? "", target })),
    ),
  );

  it.each(panels)("answers $file, $title: $target.expr", async ({ file, title, target }) => {
    // Endpoint detail shows one endpoint at a time: healthy ones have no failures, dead ones no successes.
    const endpoints = file.startsWith("endpoint") ? ["steady", "flaky", "down"] : [".+"];
    const expressions = endpoints.map((endpoint) =>
      substitute(target.expr, { endpoint, rateInterval: "20s", range: "60s" }),
    );
    async function isAnswered(): Promise<boolean> {
      const now = seconds();
      const answers = await Promise.all(
        expressions.map((expr) => prometheus.queryRange(expr, startedAt, now, 1)),
      );
      return answers.flat().some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
    }
    await eventually(async () => (await isAnswered()) || title in mayBeEmpty);
    expect(await isAnswered()).toBe(!(title in mayBeEmpty));
  });

  it("evaluates every rule without an error; the alerts of a dead endpoint fire", async () => {
    const { groups } = (await prometheus.get("rules")) as {
      readonly groups: readonly {
        readonly rules: readonly {
          readonly name: string;
          readonly health: string;
          readonly lastError?: string;
          readonly state?: string;
        }[];
      }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    const { alerts, recordings } = readRules();
    expect(new Set(rules.map(({ name }) => name))).toEqual(
      new Set([...alerts, ...recordings].map(({ name }) => name)),
    );
    expect(
      rules.filter(({ health }) => health !== "ok").map(({ name, lastError }) => [name, lastError]),
    ).toEqual([]);
    const firing = rules.filter(({ state }) => state === "firing").map(({ name }) => name);
    expect(firing).toEqual(expect.arrayContaining(mustFire));
    const recorded = await Promise.all(recordings.map(({ name }) => seriesOf(name)));
    expect(recorded.filter((series) => series === 0)).toEqual([]);
  });

  it("gives exemplars whose trace ids are those of sampled spans", async () => {
    const exemplars = await prometheus.exemplars(
      'mova_webhook_attempt_duration_seconds_bucket{endpoint="steady"}',
      startedAt - 60,
      seconds(),
    );
    expect(exemplars.length).toBeGreaterThan(0);
    for (const { labels } of exemplars) expect(labels["trace_id"]).toMatch(/^[0-9a-f]{32}$/);
  });
});
