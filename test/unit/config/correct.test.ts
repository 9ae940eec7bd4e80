/** The configuration as users write it, and what it becomes. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { inFolder, load, strong } from "../../support/config-file.ts";

const documented = `webhook:
  enabled: true            # MOVA_WEBHOOK_ENABLED
  timeout: 30              # MOVA_WEBHOOK_TIMEOUT, seconds
  max_retries: 3           # MOVA_WEBHOOK_MAX_RETRIES
  secret: \${MY_SECRET}     # MOVA_WEBHOOK_SECRET; secret_file: /run/secrets/hook also works
  endpoints:
    - id: monitoring
      url: https://monitoring.example.com/webhook     # MOVA_WEBHOOK_URL adds one endpoint from the environment alone
      event_types: [validation.*, error.occurred]
      rate_limit: { max: 50, per: 1 }
  plugins: [validation, cache, redis, llm, error, config, ./plugins/orders.js]
  outbox: { type: sqlite, path: ./mova-webhooks.db }  # or { type: memory }, { type: redis, url: redis://… }; MOVA_WEBHOOK_OUTBOX: a path, memory, or redis://…
  network: { allow: [10.0.0.0/8], require_https: true }   # MOVA_WEBHOOK_ALLOW, comma-separated CIDRs; http is possible to allowed addresses when require_https is false
  server: { host: 127.0.0.1, port: 9464, token: \${API_TOKEN} }
`;

describe("a correct configuration", () => {
  test("the documented file loads as it is printed", () => {
    const config = load(documented, { env: { MY_SECRET: strong, API_TOKEN: "a: {b}, [c] #d" } });
    expect(config).toEqual({
      enabled: true,
      timeout: 30,
      maxRetries: 3,
      secret: strong,
      endpoints: [
        {
          id: "monitoring",
          url: "https://monitoring.example.com/webhook",
          eventTypes: ["validation.*", "error.occurred"],
          rateLimit: { max: 50, per: 1 },
        },
      ],
      plugins: [
        ...["validation", "cache", "redis", "llm", "error", "config"].map((name) => ({ name })),
        { name: inFolder("plugins/orders.js") },
      ],
      outbox: { type: "sqlite", path: inFolder("mova-webhooks.db") },
      network: { allow: ["10.0.0.0/8"], requireHttps: true },
      server: { host: "127.0.0.1", port: 9464, token: "a: {b}, [c] #d" },
      eventTypes: [],
      sourcePath: inFolder("mova.config.yaml"),
      warnings: [],
    });
  });

  test("without a file everything is at its default", () => {
    const nothing = { enabled: true, endpoints: [], plugins: [], network: {}, eventTypes: [], warnings: [] };
    expect(load(undefined)).toEqual(nothing);
  });

  test("every endpoint setting has its place", () => {
    const [endpoint] = load(`
webhook:
  endpoints:
    - url: https://a.example/hook
      id: a
      secret: [${strong}, ${strong}-old]
      headers: { X-Tenant_Id: "7" }
      timeout: 1.5
      retries: 2
      retry_schedule: [1, 60]
      enabled: no
      event_types: ["*"]
      signature: sha1
      concurrency: 4
      propagate_trace: false
`).endpoints;
    expect(endpoint).toEqual({
      url: "https://a.example/hook",
      id: "a",
      secret: [strong, `${strong}-old`],
      headers: { "X-Tenant_Id": "7" },
      timeout: 1.5,
      retries: 2,
      retrySchedule: [1, 60],
      enabled: false,
      eventTypes: ["*"],
      signature: "sha1",
      concurrency: 4,
      propagateTrace: false,
    });
  });

  test("a plugin may have options, whose keys stay as written", () => {
    const { plugins } = load(
      "webhook: { plugins: [{ use: llm, options: { include_prompts: true } }, pkg, ../p.js] }",
    );
    expect(plugins).toEqual([
      { name: "llm", options: { include_prompts: true } },
      { name: "pkg" },
      { name: inFolder("../p.js") },
    ]);
  });

  test("the other settings have their places", () => {
    const config = load(`{"webhook": {
      "event_types": ["order.*"], "max_body_bytes": 2048, "log_level": "debug",
      "outbox": { "type": "memory", "max_deliveries": 10 }, "network": { "deny": ["::1"], "ports": [443] } }}`);
    expect(config).toMatchObject({
      eventTypes: ["order.*"],
      maxBodyBytes: 2048,
      logLevel: "debug",
      outbox: { type: "memory", maxDeliveries: 10 },
      network: { deny: ["::1"], ports: [443] },
    });
  });

  test("the whole is frozen", () => {
    const config = load(documented, { env: { MY_SECRET: strong, API_TOKEN: strong } });
    expect(() => Object.assign(config, { timeout: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.endpoints[0] ?? {}, { timeout: 1 })).toThrow(TypeError);
    expect(() => (config.plugins as unknown[]).push("x")).toThrow(TypeError);
  });

  test("secrets, tokens, headers, plugin options and paths of URLs are neither inspected nor written as JSON", () => {
    const config = load(
      `webhook:
  secret: ${strong}
  server: { token: ${strong} }
  outbox: { type: redis, url: "redis://:canary@localhost/1" }
  plugins: [{ use: llm, options: { key: canary } }]
  endpoints: [{ url: https://a.example/canary?canary, secret: [${strong}], headers: { authorization: canary } }]`,
    );
    expect(config.endpoints[0]?.secret).toEqual([strong]);
    const shown = [
      inspect(config, { depth: 9 }),
      JSON.stringify(config),
      inspect(config.endpoints),
      `${inspect(config.server)}`,
    ];
    for (const text of shown) {
      expect(text).not.toContain("canary");
      expect(text).toContain("[secret]");
    }
  });
});
