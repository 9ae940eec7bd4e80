/** What users are told where the file is wrong. */
import { describe, expect, test } from "vitest";
import { load, mistakes } from "../../support/config-file.ts";

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
    [
      "webhook: { outbox: { type: file } }",
      "1:28: `webhook.outbox.type` must be memory, sqlite, postgres or redis",
    ],
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
