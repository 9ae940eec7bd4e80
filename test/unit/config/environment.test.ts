/** Variables of the environment: named in the file, and instead of it. */
import { describe, expect, test } from "vitest";
import { inFolder, load, mistakes, strong } from "../../support/config-file.ts";

describe("references to the environment", () => {
  test.each<[string, NodeJS.ProcessEnv, string]>([
    ["${A}", { A: "value of A" }, "value of A"],
    ["'${A}'", { A: "value of A" }, "value of A"],
    ["prefix-${A}-${B}", { A: "1", B: "2" }, "prefix-1-2"],
    ["${A:-default}", {}, "default"],
    ["${A:-default}", { A: "" }, "default"],
    ["${A:-default}", { A: "set" }, "set"],
    ["${A:-a, b: [c] #d}", {}, "a, b: [c] #d"],
    ["${A:-grüße €}", {}, "grüße €"],
    ["$${A}", { A: "unused" }, "${A}"],
    ["${A}", { A: "${B}", B: "not looked up again" }, "${B}"],
    ["${A}", { A: "12345678901234567890" }, "12345678901234567890"],
    ["${A}", { A: '"]} evil: &x *y !!z' }, '"]} evil: &x *y !!z'],
    ["costs 5$ {a}", {}, "costs 5$ {a}"],
  ])("%s with %j is %j", (written, env, expected) => {
    expect(load(`webhook:\n  secret: ${written}\n`, { env }).secret).toBe(expected);
  });

  test("they work unquoted inside braces and brackets, and fill in numbers and switches", () => {
    const env = { PORT: "9999", TOKEN: "t", OFF: "false", RANGE: "10.0.0.0/8" };
    const text =
      "webhook: { enabled: ${OFF}, server: { port: ${PORT}, token: ${TOKEN} }, network: { allow: [${RANGE}] } }";
    const { enabled, server, network } = load(text, { env });
    expect({ enabled, server, network }).toEqual({
      enabled: false,
      server: { port: 9999, token: "t" },
      network: { allow: ["10.0.0.0/8"] },
    });
  });

  test("other sections of the file are left alone", () => {
    expect(
      load("llm: { key: ${NOT_SET}, again: *alias }\nwebhook: {}\n".replace("*alias", "x")).enabled,
    ).toBe(true);
  });
});

describe("the environment", () => {
  test("wins over the file, and adds an endpoint", () => {
    const config = load(
      "webhook: { enabled: true, timeout: 5, endpoints: [{ url: https://a.example }], network: { allow: [10.0.0.0/8], ports: [443] } }",
      {
        env: {
          MOVA_WEBHOOK_ENABLED: "0",
          MOVA_WEBHOOK_TIMEOUT: "9",
          MOVA_WEBHOOK_MAX_RETRIES: "1",
          MOVA_WEBHOOK_SECRET: strong,
          MOVA_WEBHOOK_URL: "https://b.example/hook",
          MOVA_WEBHOOK_OUTBOX: "./here.db",
          MOVA_WEBHOOK_ALLOW: "127.0.0.1, ::1",
          MOVA_WEBHOOK_LOG_LEVEL: "warn",
        },
      },
    );
    expect(config).toMatchObject({
      enabled: false,
      timeout: 9,
      maxRetries: 1,
      secret: strong,
      endpoints: [{ url: "https://a.example" }, { id: "environment", url: "https://b.example/hook" }],
      outbox: { type: "sqlite", path: inFolder("here.db") },
      network: { allow: ["127.0.0.1", "::1"], ports: [443] },
      logLevel: "warn",
    });
  });

  test.each([
    ["memory", { type: "memory" }],
    ["redis://localhost/2", { type: "redis", url: "redis://localhost/2" }],
    ["rediss://u:p@h", { type: "redis", url: "rediss://u:p@h" }],
    ["/data/hooks.db", { type: "sqlite", path: "/data/hooks.db" }],
  ])("MOVA_WEBHOOK_OUTBOX=%s", (text, expected) => {
    expect(load(undefined, { env: { MOVA_WEBHOOK_OUTBOX: text } }).outbox).toEqual(expected);
  });

  test("empty variables count as not set", () => {
    const env = {
      MOVA_WEBHOOK_CONFIG: "",
      MOVA_WEBHOOK_TIMEOUT: " ",
      MOVA_WEBHOOK_SECRET: "",
      MOVA_WEBHOOK_URL: "",
    };
    expect(load("webhook: { timeout: 5 }", { env })).toMatchObject({ timeout: 5, endpoints: [] });
  });

  test("every wrong variable is named with what would be right, and no value is shown", () => {
    const env = {
      MOVA_WEBHOOK_ENABLED: "canary",
      MOVA_WEBHOOK_TIMEOUT: "30s-canary",
      MOVA_WEBHOOK_MAX_RETRIES: "1.5",
      MOVA_WEBHOOK_SECRET: "whsec_canary!",
      MOVA_WEBHOOK_URL: "https://canary:canary@a.example",
      MOVA_WEBHOOK_OUTBOX: "http://canary",
      MOVA_WEBHOOK_ALLOW: "10.0.0.0/8,canary",
      MOVA_WEBHOOK_LOG_LEVEL: "canary",
    };
    expect(mistakes("webhook: { timeout: 5 }", { env })).toBe(
      `MOVA_WEBHOOK_ENABLED must be true or false
MOVA_WEBHOOK_TIMEOUT must be seconds from 0.1 to 600
MOVA_WEBHOOK_MAX_RETRIES must be a whole number from 0 to 100
MOVA_WEBHOOK_SECRET must be a text that is not empty, with base64 after \`whsec_\`; in YAML, digits alone need quotes
MOVA_WEBHOOK_URL must be a URL that starts with https:// and holds no user name, such as https://example.com/hook
MOVA_WEBHOOK_OUTBOX must be memory, a path, a URL that starts with postgres:// or postgresql://, or a URL that starts with redis:// or rediss://
MOVA_WEBHOOK_ALLOW must be a list with commas, each an address or a CIDR such as 10.0.0.0/8
MOVA_WEBHOOK_LOG_LEVEL must be debug, info, warn, error or silent`,
    );
  });
});
