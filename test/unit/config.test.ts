/** The configuration as users write it: what it becomes, and what they are told when it is wrong. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigSource, loadConfig } from "../../src/settings/read/config.ts";
import { WebhookError } from "../../src/event/errors.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "mova-config-"));
});

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const strong = "canary-0123456789abcdef";

function load(text: string | Buffer | undefined, source: ConfigSource = {}) {
  if (text !== undefined) writeFileSync(join(cwd, "mova.config.yaml"), text);
  return loadConfig({ cwd, env: {}, ...source });
}

/** The error's message without its last line, which only counts. */
function mistakes(text: string | Buffer | undefined, source: ConfigSource = {}): string {
  try {
    load(text, source);
  } catch (error) {
    if (!WebhookError.is(error, "CONFIG_INVALID")) throw error;
    const counted =
      /\nThere (is 1 mistake|are \d+ mistakes) in the configuration\. (Correct the value|Give the path) .+\.$/;
    if (!counted.test(error.message))
      throw new Error("The last line does not count the mistakes", { cause: error });
    return error.message.split("\n").slice(0, -1).join("\n");
  }
  throw new Error("The configuration was accepted");
}

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
        { name: join(cwd, "plugins/orders.js") },
      ],
      outbox: { type: "sqlite", path: join(cwd, "mova-webhooks.db") },
      network: { allow: ["10.0.0.0/8"], requireHttps: true },
      server: { host: "127.0.0.1", port: 9464, token: "a: {b}, [c] #d" },
      eventTypes: [],
      sourcePath: join(cwd, "mova.config.yaml"),
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
      { name: join(cwd, "../p.js") },
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
      outbox: { type: "sqlite", path: join(cwd, "here.db") },
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
MOVA_WEBHOOK_OUTBOX must be memory, a path, or a URL that starts with redis:// or rediss://
MOVA_WEBHOOK_ALLOW must be a list with commas, each an address or a CIDR such as 10.0.0.0/8
MOVA_WEBHOOK_LOG_LEVEL must be debug, info, warn, error or silent`,
    );
  });
});

describe("which file", () => {
  test("MOVA_WEBHOOK_CONFIG names it, and the path given by code wins", () => {
    mkdirSync(join(cwd, "conf"));
    writeFileSync(join(cwd, "conf/a.yaml"), "webhook: { timeout: 1 }");
    writeFileSync(
      join(cwd, "conf/b.json"),
      '{ "webhook": { "timeout": 2, "outbox": { "type": "sqlite", "path": "x.db" } } }',
    );
    const env = { MOVA_WEBHOOK_CONFIG: "conf/a.yaml" };
    expect(load("webhook: { timeout: 3 }", { env }).timeout).toBe(1);
    const config = load(undefined, { env, path: "conf/b.json" });
    expect(config).toMatchObject({ timeout: 2, outbox: { path: join(cwd, "conf/x.db") } });
    expect(config.sourcePath).toBe(join(cwd, "conf/b.json"));
  });

  test("a named file that is missing, a directory, too large, binary or not UTF-8 is refused", () => {
    mkdirSync(join(cwd, "dir"));
    writeFileSync(join(cwd, "large.yaml"), `webhook: {} #${"x".repeat(1_048_576)}`);
    writeFileSync(join(cwd, "binary.yaml"), Buffer.from([1, 0, 2]));
    writeFileSync(join(cwd, "latin.yaml"), Buffer.from([0x61, 0xff, 0xfe]));
    const of = (name: string) => mistakes(undefined, { env: { MOVA_WEBHOOK_CONFIG: name } });
    expect(of("absent.yaml")).toBe("absent.yaml does not exist; MOVA_WEBHOOK_CONFIG names it");
    expect(of("dir")).toBe("dir is a directory, not a file");
    expect(of("large.yaml")).toBe("large.yaml has 1048589 bytes; at most 1048576 are read");
    expect(of("binary.yaml")).toBe("binary.yaml is a binary file, not a text");
    expect(of("latin.yaml")).toBe("latin.yaml is not UTF-8 text");
    expect(of("/dev/null")).toBe("/dev/null is not a regular file");
    expect(mistakes(undefined, { path: "absent.yaml" })).toBe("absent.yaml does not exist");
  });

  test("a file that is named, or that a running process had, must have the section", () => {
    const expected =
      "1:1: expected a mapping with a section `webhook:`; write `webhook: {}` where nothing is to be set";
    writeFileSync(join(cwd, "other.yaml"), "endpoints: []\n");
    expect(mistakes(undefined, { path: "other.yaml" })).toBe(
      `other.yaml:${expected}\n  1 | endpoints: []\n      ^`,
    );
    const lastPath = join(cwd, "mova.config.yaml");
    for (const text of ["", "# nothing yet\n", "llm: {}\n", "{}"]) {
      expect(mistakes(text, { lastPath })).toContain(`mova.config.yaml:${expected}\n`);
      const { endpoints, warnings } = load(text);
      expect([endpoints, warnings]).toEqual([
        [],
        ["mova.config.yaml has no section `webhook:`: nothing is set there"],
      ]);
    }
    for (const text of ["webhook:\n", "webhook:\n  # endpoints:\n"]) expect(load(text).endpoints).toEqual([]);
  });

  test("a key that resembles that of the section is shown", () => {
    for (const key of ["webhok", "wehbook", "WebHook", "web_hooks", "webook"])
      expect(mistakes(`llm: {}\n${key}: {}\n`)).toContain(
        "mova.config.yaml:2:1: expected a mapping with a section `webhook:`; did you mean `webhook` by this key?\n",
      );
    expect(load("website: {}\n").warnings).toHaveLength(1);
  });
});

describe("mistakes in the file", () => {
  test("all are told at once, in order, each with its place and what would be right", () => {
    const text = `# hooks
webhook:
  timeout: 30000
  max_retrys: 3
  endpoints:
    - url: ftp://a.example
    - id: b
      event_types: [cache]
\t
  plugins: validation
`.replace("\t\n", "");
    expect(mistakes(text)).toBe(
      `mova.config.yaml:3:12: \`webhook.timeout\` must be seconds from 0.1 to 600
  3 |   timeout: 30000
                 ^
mova.config.yaml:4:3: unknown key \`max_retrys\`; did you mean \`max_retries\`? Known here: enabled, timeout, max_retries, secret, secret_file, endpoints, plugins, outbox, network, server, event_types, max_body_bytes, retention, log_level
  4 |   max_retrys: 3
        ^
mova.config.yaml:6:12: \`webhook.endpoints[0].url\` must be a URL that starts with https:// and holds no user name, such as https://example.com/hook
  6 |     - url: ftp://a.example
                 ^
mova.config.yaml:7:7: \`webhook.endpoints[1].url\` is missing; it must be a URL that starts with https:// and holds no user name, such as https://example.com/hook
  7 |     - id: b
            ^
mova.config.yaml:8:21: \`webhook.endpoints[1].event_types[0]\` must be an event type such as cache.updated, or a pattern such as cache.* or *; put * in quotes
  8 |       event_types: [cache]
                          ^
mova.config.yaml:9:12: \`webhook.plugins\` must be a list of plugins
  9 |   plugins: validation
                 ^`,
    );
  });

  test.each<[string, string]>([
    ["webhook: { timeout: 0 }", "1:21: `webhook.timeout` must be seconds from 0.1 to 600"],
    ["webhook: { timeout: .nan }", "1:21: `webhook.timeout` must be seconds from 0.1 to 600"],
    ["webhook: { timeout: 30s }", "1:21: `webhook.timeout` must be seconds from 0.1 to 600"],
    ["webhook:\n  timeout:\n", "2:11: `webhook.timeout` must be seconds from 0.1 to 600"],
    ["webhook: { max_retries: 1.5 }", "1:25: `webhook.max_retries` must be a whole number from 0 to 100"],
    ["webhook: { max_retries: [] }", "1:25: `webhook.max_retries` must be a whole number from 0 to 100"],
    ["webhook: { enabled: maybe }", "1:21: `webhook.enabled` must be true or false"],
    ["webhook: { log_level: loud }", "1:23: `webhook.log_level` must be debug, info, warn, error or silent"],
    ["webhook: { secret: '' }", "1:20: `webhook.secret` must be a text that is not empty"],
    [
      "webhook: { secret: 'whsec_?' }",
      "1:20: `webhook.secret` must be a text that is not empty, with base64",
    ],
    [
      "webhook: { network: { allow: [10.0.0.0/33] } }",
      "1:31: `webhook.network.allow[0]` must be an address or a CIDR",
    ],
    ["webhook: { network: { alow: [] } }", "1:23: unknown key `alow`; did you mean `allow`?"],
    [
      "webhook: { outbox: sqlite }",
      "1:20: `webhook.outbox` must be a mapping such as { type: sqlite, path: ./webhooks.db }",
    ],
    ["webhook: { outbox: { type: file } }", "1:28: `webhook.outbox.type` must be memory, sqlite or redis"],
    ["webhook: { outbox: { type: sqlite } }", "1:20: `webhook.outbox.path` is missing; it must be a path"],
    [
      "webhook: { outbox: { type: redis, url: http://x } }",
      "1:40: `webhook.outbox.url` must be a URL that starts with redis://",
    ],
    [
      "webhook: { server: { port: 70000 } }",
      "1:28: `webhook.server.port` must be a whole number from 0 to 65535",
    ],
    [
      "webhook: { plugins: [{ name: x }] }",
      "1:22: `webhook.plugins[0].use` is missing; it must be a built-in name",
    ],
    ["webhook: { endpoints: { url: x } }", "1:23: `webhook.endpoints` must be a list of endpoints"],
    ["webhook: { __proto__: { enabled: false } }", "1:12: unknown key `__proto__`"],
    ["webhook: [1]", "1:10: `webhook` must be a mapping"],
    [
      "webhooks: { timeout: 1 }",
      "1:1: expected a mapping with a section `webhook:`; did you mean `webhook` by this key?",
    ],
    ["just words", "1:1: expected a mapping with a section `webhook:`"],
    ["<html><body>Not found</body></html>", "1:1: expected a mapping with a section `webhook:`"],
    ["- a", "1:1: expected a mapping with a section `webhook:`"],
    ["webhook: {}\n---\nwebhook: {}", "2:1: this is not valid YAML: Source contains multiple documents"],
    ["webhook:\n\ttimeout: 5", "2:1: this is not valid YAML: Tabs are not allowed as indentation"],
    ["webhook:\n  timeout: 5\n  timeout: 6", "3:3: this is not valid YAML: Map keys must be unique"],
    ["webhook: !!js/function x", "1:10: this is not valid YAML: Unresolved tag"],
    ["webhook: {\n  timeout: 5", "2:13: this is not valid YAML: Flow map"],
    ["x: &a [1]\nwebhook: { plugins: *a }", "2:21: aliases are not read here; write the value out"],
    [
      "webhook: { secret: ${NOT_SET} }",
      "1:20: the environment variable `NOT_SET` is not set; set it, or write `${NOT_SET:-default}`",
    ],
    ["webhook: { secret: '${1X}' }", "1:20: a reference must be `${NAME}` or `${NAME:-default}`"],
    ["webhook: { secret: '${A' }", "1:20: a reference must be `${NAME}` or `${NAME:-default}`"],
    [
      "webhook: { endpoints: [{ url: https://a.example, headers: { Host: b } }] }",
      "1:24: Header `Host` of endpoint `ep_",
    ],
    [
      "webhook: { endpoints: [{ url: https://a.example }, { url: https://a.example }] }",
      "1:52: an endpoint before this one has the id `ep_",
    ],
    ["webhook: { secret: a, secret_file: ./b }", "1:36: give `secret` or `secret_file`, not both"],
    ["webhook: { secret_file: ./absent }", "1:25: there is no file `./absent`"],
    ["webhook: { secret_file: . }", "1:25: `.` is a directory, not a file"],
  ])("%j", (text, expected) => {
    const [first = ""] = mistakes(text).split("\n");
    const place = "mova.config.yaml:";
    expect(first.slice(0, place.length + expected.length)).toBe(place + expected);
  });

  test("an open quote is shown where it opens", () => {
    expect(mistakes("webhook:\n  log_level: 'debug\n  timeout: 5\n")).toBe(
      "mova.config.yaml:2:14: this is not valid YAML: Missing closing 'quote\n  2 |   log_level: 'debug\n                   ^",
    );
  });

  test("a long line is cut around the place, and tabs keep the caret in line", () => {
    const [, line = "", caret = ""] = mistakes(
      `{"webhook":{"plugins":[${'"p",'.repeat(500)}\t5,${'"q",'.repeat(50)}"q"]}}`,
    ).split("\n");
    expect(line.length).toBeLessThan(120);
    expect(line).toMatch(/^ {2}1 \| ….*…$/);
    expect(line[caret.length - 1]).toBe("5");
    expect(caret).toMatch(/^[ \t]+\^$/);
  });

  test("control characters of the file do not reach the terminal", () => {
    expect(mistakes("webhook: { timeout: '\u001b[31m', x: 1 }")).not.toContain("\u001b");
  });

  test("10,000 nested brackets end in a message", () => {
    expect(mistakes(`webhook: ${"[".repeat(10_000)}`)).toContain("this is not valid YAML");
  });

  test.each([
    "webhook:\n  secret: canary\n  timeout: x",
    "webhook: { secret: canary, timeout: x }",
    "webhook: { secret: [canary, 5], timeout: x }",
    "webhook:\n  secret: 'canary\n  timeout: 5",
    'webhook:\n  secret: "canary\\q"\n',
    'webhook:\n  server: { token: "canary", port: x }\n',
    "redis:\n  password: canary: x\nwebhook: {}",
    "webhook: { secret: |canary\n  x }",
    "webhook: { secret: canary, canary }".replace(", canary }", ", ] }"),
    "webhook: { endpoints: [{ url: 'https://a:canary@a.example', secret: canary }] }",
    "webhook: { endpoints: [{ url: 'https://a.example/canary', headers: { Host: canary } }] }",
    "webhook: { endpoints: [{ url: 'https://a.example/canary', headers: { X: [canary] } }] }",
    "webhook: { outbox: { type: redis, url: 'redis://:canary@h', x: 1 } }",
    "webhook: { secret: '${NOT_SET:-canary}', timeout: x }",
    "webhook: { secret: 'whsec_canary!' }",
    "webhook: { plugins: [{ use: a, options: { k: canary }, x: 1 }] }",
    "webhook: { secret: '${SET}', timeout: '${SET}', log_level: '${SET}' }",
  ])("no message shows a secret of %j", (text) => {
    expect(mistakes(text, { env: { SET: "canary" } })).not.toContain("canary");
  });
});

describe("all mistakes at once", () => {
  test("what is wrong with one setting hides nothing that is wrong with another", () => {
    const text = mistakes(`webhook:
  timeout: soon
  endpoints:
    - { id: a, url: https://a.example, retries: many, secret: whsec_%% }
    - { url: ftp://b.example }
    - { id: a, url: https://c.example, headers: { Host: x } }
    - { id: d, url: https://d.example, batch: { max_events: 5 } }
    - { id: d, url: https://e.example, event_types: [cache.*, "no type", llm.*] }
  secret_file: nowhere
`);
    const places = [...text.matchAll(/^mova\.config\.yaml:(\d+):/gm)].map(([, line]) => Number(line));
    expect(places.sort((a, b) => a - b)).toEqual([2, 4, 4, 5, 6, 7, 8, 8, 9]);
  });

  test("a place after a list entry that was wrong is the place in the file", () => {
    const text = mistakes(`webhook:
  endpoints:
    - 5
    - { id: a, url: https://a.example }
    - { id: a, url: https://b.example }
`);
    expect(text).toContain("mova.config.yaml:3:7: ");
    expect(text).toContain("mova.config.yaml:5:7: an endpoint before this one has the id `a`");
  });

  test("an endpoint with a mistake still counts for the ids of the others", () => {
    const text = mistakes(`webhook:
  endpoints:
    - { id: a, url: https://a.example, headers: { Host: x } }
    - { id: b, ulr: https://b.example }
    - { id: c, url: ftp://c.example, batch: { max_events: 5 } }
    - { url: 7 }
    - { id: a, url: https://d.example }
    - { id: b, url: https://e.example }
    - { id: c }
`);
    const heads = [...text.matchAll(/^mova\.config\.yaml:(\d+):\d+: (.*)/gm)].map(
      ([, line, problem]) => `${line} ${problem}`,
    );
    expect(heads).toHaveLength(10);
    for (const [line, id] of [
      [7, "a"],
      [8, "b"],
      [9, "c"],
    ])
      expect(heads).toContain(
        `${line} an endpoint before this one has the id \`${id}\`; give this one another \`id\``,
      );
    expect(text).not.toContain(".invalid");
  });

  test("a path that is no file is said with what to give instead", () => {
    expect(() => load(undefined, { path: "." })).toThrow(/directory[^]*Give the path of the file/);
  });
});

describe("secrets", () => {
  test("secret_file is read relative to the file, without its last line break, also per endpoint", () => {
    mkdirSync(join(cwd, "conf"));
    for (const name of ["all", "own"]) {
      writeFileSync(join(cwd, "conf", name), `${strong}-${name}\n`);
      chmodSync(join(cwd, "conf", name), 0o600);
    }
    writeFileSync(
      join(cwd, "conf/c.yaml"),
      "webhook: { secret_file: ./all, endpoints: [{ url: https://a.example, secret_file: own }] }",
    );
    const config = load(undefined, { path: "conf/c.yaml" });
    expect(config.secret).toBe(`${strong}-all`);
    expect(config.endpoints[0]).toEqual({ url: "https://a.example", secret: `${strong}-own` });
    expect(config.warnings).toEqual([]);
  });

  test("a secret_file that others can read works, with a warning", () => {
    writeFileSync(join(cwd, "open"), strong);
    chmodSync(join(cwd, "open"), 0o644);
    const config = load("webhook: { secret_file: open }");
    expect(config.secret).toBe(strong);
    expect(config.warnings).toEqual(["Other users can read the secret in `open`; `chmod 600` it"]);
  });

  test("an empty secret_file is refused", () => {
    writeFileSync(join(cwd, "empty"), "\n");
    expect(mistakes("webhook: { secret_file: empty }")).toContain("1:25: `empty` is empty");
  });
});

test("yaml is loaded only when there is a file, and zod not even then", () => {
  const folder = new URL("../../src/settings/", import.meta.url);
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const heavy = names.flatMap((name) => {
    const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
    return lines.filter((line) => /^import (?!type).*"(yaml|zod)|require\("zod/.test(line));
  });
  expect(names).toContain("read/parse-file.ts");
  expect(heavy).toEqual([]);
});
