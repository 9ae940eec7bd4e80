/** `doctor`: what it finds about outbox, clock, addresses, certificates and receivers. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { reasonWithoutRedisServer, startRedis } from "../../support/redis-server.ts";
import { secret, testEndpoint } from "../../support/pipeline.ts";
import { sqliteLoads } from "../../support/native-sqlite.ts";
import { cli, inFolder, write } from "../../support/cli.ts";
import { listening } from "../../support/listening.ts";

describe("config check and doctor", () => {
  it.skipIf(!sqliteLoads)("say what serve and register use where nothing is configured", async () => {
    const checked = await cli(["config", "check"]);
    expect(checked.out).toContain("\noutbox sqlite in mova-webhooks.db, the default of serve and register\n");
    expect(checked.out).toContain("\nplugins none; register: validation, cache, redis, llm, error, config\n");
    const { code, out } = await cli(["doctor"]);
    expect(code).toBe(0);
    expect(out).toContain(
      "✓ outbox: sqlite answers; mova-webhooks.db is the default of serve and register\n",
    );
    expect(readdirSync(inFolder())).toEqual([]);
    expect((await cli(["doctor"], { env: { MOVA_WEBHOOK_OUTBOX: "memory" } })).out).toContain(
      "! outbox: memory: it survives nothing",
    );
  });

  it.skipIf(!sqliteLoads)("find that the default outbox cannot be used", async () => {
    write("mova-webhooks.db", "this is no database, however long one looks at it");
    const { code, out } = await cli(["doctor"]);
    expect(code).toBe(1);
    expect(out).toContain("✗ outbox: The SQLite outbox mova-webhooks.db is not a database");
  });

  it("warn of secrets that others would read otherwise", async () => {
    const settings = "url: https://192.0.2.1/, secret: hwsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    write(
      "mova.config.yaml",
      `webhook: { outbox: { type: memory }, endpoints: [{ id: ops, ${settings} }] }\n`,
    );
    const { out } = await cli(["doctor", "--json"]);
    expect(out).not.toContain("MfKQ9r8");
    expect(JSON.parse(out)).toContainEqual({
      check: "endpoint ops",
      level: "warn",
      message: expect.stringMatching(/^a secret begins almost as `whsec_`.*`svix` decode it as base64/),
      remedy: expect.stringContaining("Write `whsec_`"),
    });
  });

  it("compare the clock with those of the endpoints that are asked", async () => {
    const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();
    const endpoint = await testEndpoint((_, response) => response.writeHead(200, { date: hourAgo }).end());
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n  outbox: { type: memory }\n`,
    );
    const alone = await cli(["doctor"]);
    expect(alone).toMatchObject({ code: 0, out: expect.stringContaining("compared with no other") });
    const { code, out } = await cli(["doctor", "--send", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toContainEqual({
      check: "clock",
      level: "fail",
      message: expect.stringMatching(/^it is 36\d\d s ahead of that of endpoint ops$/),
      remedy: expect.stringContaining("NTP"),
    });
  });

  it.skipIf(reasonWithoutRedisServer() !== undefined)("compare the clock with that of Redis", async () => {
    const redis = await startRedis();
    try {
      write("mova.config.yaml", `webhook: { outbox: { type: redis, url: "${redis.url}" } }\n`);
      const { out } = await cli(["doctor", "--json"]);
      expect(JSON.parse(out)).toContainEqual({
        check: "clock",
        level: "ok",
        message: "it agrees with that of Redis",
      });
    } finally {
      await redis.end();
    }
  });

  it("find an address that may not be called", async () => {
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "https://10.1.2.3/hook", secret: ${secret} }]\n`,
    );
    const { code, out } = await cli(["doctor", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toContainEqual(
      expect.objectContaining({
        check: "endpoint ops",
        level: "fail",
        remedy: expect.stringContaining("network.allow"),
      }),
    );
  });

  it("find a certificate that is not to be trusted", async () => {
    const { createServer } = await import("node:tls");
    const { readFileSync } = await import("node:fs");
    const file = (name: string): Buffer =>
      readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url));
    const server = createServer({ key: file("key.pem"), cert: file("self-signed.pem") });
    const port = await listening(server);
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "https://127.0.0.1:${port}/", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n`,
    );
    const { code, out } = await cli(["doctor"]);
    expect(code).toBe(1);
    expect(out).toMatch(/TLS: DEPTH_ZERO_SELF_SIGNED_CERT[^]*certificate/);
  });

  it("find out whether an endpoint takes a signed test event", async () => {
    const endpoint = await testEndpoint(401);
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n  outbox: { type: memory }\n`,
    );
    expect((await cli(["doctor", "--send"])).out).toContain("test event: http_4xx (401)");
    endpoint.answerWith(200);
    expect(await cli(["doctor", "--send"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("test event: success (200)"),
    });
  });
});

describe("doctor --send", () => {
  it("tests each endpoint, whatever types it takes and whatever is wrong about another", async () => {
    const endpoint = await testEndpoint(200);
    write(
      "mova.config.yaml",
      `webhook:\n  secret: ${secret}\n  network: { allow: [127.0.0.0/8] }\n  endpoints:\n    - { id: far, url: "http://10.1.2.3/" }\n    - { id: models, url: "${endpoint.url}", event_types: [llm.*] }\n`,
    );
    const { code, out } = await cli(["doctor", "--send", "--json"]);
    expect(code).toBe(1);
    const findings = JSON.parse(out) as unknown[];
    expect(findings).toContainEqual({
      check: "endpoint models",
      level: "ok",
      message: "test event: success (200)",
    });
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: "endpoint",
        level: "fail",
        message: expect.stringContaining("`far`"),
      }),
    );
    expect(endpoint.requests).toHaveLength(1);
  });
});
