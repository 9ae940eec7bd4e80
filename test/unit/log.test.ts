/** The log: one line for every attempt, and one for what an operator must know. */
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { WebhookError } from "../../src/event/errors.ts";
import { silentLogger } from "../../src/event/logger.ts";
import type { AttemptedFact, Lifecycle } from "../../src/telemetry/lifecycle.ts";
import { loggerFromEnvironment } from "../../src/telemetry/log/environment-logger.ts";
import { createLog } from "../../src/telemetry/log/log.ts";
import { type Ended, runModule } from "../support/program.ts";

const ids = { deliveryId: "dlv_1", eventId: "evt_1", eventType: "cache.updated", endpointId: "ops" };
const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

type Line = Record<string, unknown>;

function recordLines(now: () => number = () => 0): {
  readonly log: Required<Lifecycle>;
  readonly lines: Line[];
} {
  const lines: Line[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Line) };
  const logger = pino(
    { base: null, timestamp: false, level: "debug", formatters: { level: (level) => ({ level }) } },
    destination,
  );
  return { log: createLog(logger, { now }) as Required<Lifecycle>, lines };
}

describe("an attempt", () => {
  it("that failed is a warning with ids, outcome, status, duration and the next try", () => {
    const { log, lines } = recordLines();
    const outcome = { outcome: "http_5xx", status: 503, durationMs: 41.5, response: "SECRET" } as const;
    log.attempted({
      attempt: 2,
      replay: 0,
      outcome,
      next: "retry",
      nextAt: 1_700_000_004_000,
      ...ids,
      ...trace,
    });
    expect(lines).toEqual([
      {
        level: "warn",
        msg: "delivery.attempted",
        delivery_id: "dlv_1",
        event_id: "evt_1",
        event_type: "cache.updated",
        endpoint_id: "ops",
        attempt: 2,
        outcome: "http_5xx",
        status: 503,
        duration_ms: 41.5,
        next: "retry",
        next_at: "2023-11-14T22:13:24.000Z",
        trace_id: trace.traceId,
        span_id: trace.spanId,
      },
    ]);
  });

  it("that succeeded is information, without the fields it has no values for", () => {
    const { log, lines } = recordLines();
    const fact: AttemptedFact = {
      attempt: 1,
      replay: 3,
      outcome: { outcome: "success", durationMs: 2 },
      next: "delivered",
      ...ids,
    };
    log.attempted(fact);
    expect(lines[0]).toMatchObject({ level: "info", outcome: "success", replay: 3 });
    expect(Object.keys(lines[0] ?? {})).not.toEqual(expect.arrayContaining(["status"]));
    expect(
      Object.keys(lines[0] ?? {}).filter((key) => /^(status|next_at|trace_id|span_id)$/.test(key)),
    ).toEqual([]);
  });
});

it("a dead delivery is an error with its reason; a delivered one needs no second line", () => {
  const { log, lines } = recordLines();
  log.settled({ outcome: "delivered", lagMs: 5, ...ids });
  log.settled({ outcome: "dead", reason: "http_410", lagMs: 5, ...ids });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: "error",
    msg: "delivery.dead",
    delivery_id: "dlv_1",
    reason: "http_410",
    lag_ms: 5,
  });
});

it("an endpoint that was switched off is a warning", () => {
  const { log, lines } = recordLines();
  log.endpointChanged({ endpointId: "ops", enabled: false, reason: "http_410" });
  log.endpointChanged({ endpointId: "ops", enabled: true, reason: "api" });
  expect(lines.map((line) => [line["level"], line["msg"], line["enabled"], line["reason"]])).toEqual([
    ["warn", "endpoint.changed", false, "http_410"],
    ["info", "endpoint.changed", true, "api"],
  ]);
});

it("a stranger's error is told by name, code and place, not by its message", () => {
  const { log, lines } = recordLines();
  const error = Object.assign(new TypeError("bad value SECRET\n    at SECRET"), { code: "ERR_X" });
  log.pluginFailed({ plugin: "cache", during: "translate", error });
  log.pluginFailed({ plugin: "llm", during: "translate", error: "SECRET" });
  log.outboxUsed({
    operation: "put",
    durationMs: 3,
    error: new WebhookError("OUTBOX_FULL", "The outbox is full"),
  });
  expect(lines[0]).toMatchObject({
    level: "error",
    msg: "plugin.failed",
    plugin: "cache",
    error_type: "TypeError",
    error_code: "ERR_X",
  });
  expect(lines[0]?.["error_at"]).toEqual(expect.arrayContaining([expect.stringContaining("log.test.ts")]));
  expect(lines[1]).toMatchObject({ plugin: "llm", error_type: "string" });
  expect(lines[2]).toMatchObject({ msg: "outbox.failed", operation: "put", error_code: "OUTBOX_FULL" });
  expect(lines[2]?.["error_message"]).toContain("full");
  expect(JSON.stringify(lines)).not.toContain("SECRET");
});

it("what repeats is written at once and then every ten seconds, with the number since", () => {
  let now = 0;
  const { log, lines } = recordLines(() => now);
  for (; now < 25_000; now += 1_000) {
    log.dropped({ source: "cache", reason: "sampled", count: 2 });
    log.dropped({ source: "cache", reason: "data_invalid", count: 1 });
  }
  const told = lines.map(({ level, reason, count }) => [level, reason, count]);
  expect(told).toEqual([
    ["debug", "sampled", 2],
    ["warn", "data_invalid", 1],
    ["debug", "sampled", 20],
    ["warn", "data_invalid", 10],
    ["debug", "sampled", 20],
    ["warn", "data_invalid", 10],
  ]);
});

it("an outbox operation that succeeded is no line", () => {
  const { log, lines } = recordLines();
  log.outboxUsed({ operation: "put", durationMs: 3 });
  expect(lines).toEqual([]);
});

it("the silent logger is not even asked", () => {
  expect(createLog(silentLogger)).toEqual({});
});

describe("the logger of the environment", () => {
  const script = (level: string): string => {
    const url = new URL("../../src/telemetry/log/environment-logger.ts", import.meta.url).href;
    return `import { loggerFromEnvironment } from ${JSON.stringify(url)};
      const logger = loggerFromEnvironment(${level});
      const { createRequire } = await import("node:module");
      const require = createRequire(${JSON.stringify(url)});
      console.log(Object.keys(require.cache).some((path) => path.includes("/pino/")));
      logger.info({ a: 1 }, "quiet");
      for (let b = 0; b < 3; b += 1) logger.error({ b }, "loud");
      process.kill(process.pid, "SIGKILL");`;
  };
  const run = (level: string): Promise<Ended> => runModule(script(level));

  it("writes JSON lines from that level on to stderr, before the process can be killed", async () => {
    const { stdout, stderr } = await run('"error"');
    expect(stdout).toBe("true\n");
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    const line = {
      level: 50,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      name: "mova-webhooks",
      msg: "loud",
    };
    expect(lines).toEqual([0, 1, 2].map((b) => ({ ...line, b })));
  });

  it("is silent without a level, and does not load pino", async () => {
    const { stdout, stderr } = await run("undefined");
    expect([stdout, stderr]).toEqual(["false\n", ""]);
  });

  it("refuses a level that is none, and names those there are", () => {
    expect(() => loggerFromEnvironment("verbose")).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("debug, info, warn, error or silent"),
      }),
    );
    expect(loggerFromEnvironment("silent")).toBe(silentLogger);
    expect(loggerFromEnvironment("")).toBe(silentLogger);
  });
});
