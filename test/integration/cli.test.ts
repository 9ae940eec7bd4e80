import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reasonWithoutRedisServer, startRedis } from "../support/redis-server.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";

/** The built command line: `npm test` builds it before. */
const main = new URL("../../dist/src/cli/main.js", import.meta.url).pathname;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mova-webhooks-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function cli(args: readonly string[], { env = {}, input = "" } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env },
  });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: Number(code), out, err };
}

/** Closes the reading end at once, as `head` does when it has enough. */
async function unread(args: readonly string[]): Promise<Omit<Ended, "out">> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code: Number(code), err };
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const commands = [
  "demo",
  "serve",
  "send",
  "listen",
  "deliveries list",
  "deliveries show",
  "deliveries replay",
  "explain",
  "status",
  "endpoints list",
  "endpoints enable",
  "endpoints disable",
  "doctor",
  "config check",
  "secret",
  "sign",
  "verify",
];

describe("every command", () => {
  it.each(commands)("%s has a help with an example", async (command) => {
    const { code, out } = await cli([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`Example:\n  $ `);
    expect(out).toContain(`mova-webhooks ${command}`);
  });

  it.each([
    [["fly"]],
    [["secret", "--loud"]],
    [["send"]],
    [["deliveries", "list", "--state", "lost"]],
    [["listen", "--fail", "sometimes"]],
    [["listen", "--fail", "101"]],
    [["listen", "--forward", "ftp://127.0.0.1/"]],
    [["listen", "--forward", "nowhere"]],
    [["sign", "{}", "--algorithm", "md5"]],
    [["verify", "{}", "-H", "a: b", "--require", "none"]],
    [["serve", "--port", "70000"]],
  ])("%j is wrong usage: exit 2, said on stderr", async (args) => {
    const { code, out, err } = await cli(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("error:");
  });

  it("ends quietly when nobody reads on", async () => {
    expect(await unread(["secret"])).toEqual({ code: 0, err: "" });
  });

  it("prints no colour into a pipe", async () => {
    const { out, err } = await cli(["doctor"]);
    expect(out + err).not.toContain("\u001b[");
  });
});

describe("secret, sign and verify", () => {
  it("fit together: what sign prints for a new secret, verify takes", async () => {
    const made = JSON.parse((await cli(["secret", "--json"])).out) as { secret: string };
    const env = { MOVA_WEBHOOK_SECRET: made.secret };
    const body = '{"event_type":"cache.updated","data":{"key":"a"}}';
    const { out } = await cli(["sign", "-", "--id", "evt_7", "--json"], { env, input: body });
    const headers = Object.entries(JSON.parse(out) as Record<string, string>).flatMap(([name, value]) => [
      "-H",
      `${name}: ${value}`,
    ]);
    const file = write("body.json", body);
    expect(await cli(["verify", `@${file}`, ...headers], { env })).toMatchObject({
      code: 0,
      out: "genuine: cache.updated evt_7\n  webhook-signature  verified\n  X-Mova-Signature   verified\n",
    });
    const changed = await cli(["verify", `${body} `, ...headers, "--json"], { env });
    expect(changed.code).toBe(1);
    expect(JSON.parse(changed.out)).toMatchObject({ ok: false, code: "SIGNATURE_INVALID" });
  });

  it("tell a right signature from a body that is no event", async () => {
    const body = '{"hello":1}';
    const { out } = await cli(["sign", body, "--secret", secret, "--json"]);
    const headers = Object.entries(JSON.parse(out) as Record<string, string>);
    const lines = (names: RegExp): string[] =>
      headers.filter(([name]) => names.test(name)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const verify = (args: readonly string[]): Promise<Ended> =>
      cli(["verify", body, "--secret", secret, "--json", ...args]);

    const both = await verify(lines(/./));
    expect(both).toMatchObject({ code: 0, err: expect.stringContaining("no `event_type`") });
    expect(JSON.parse(both.out)).toMatchObject({ ok: true, standard: "verified", mova: "verified" });

    const movaAlone = await verify(lines(/^X-Mova/));
    expect(movaAlone.code).toBe(1);
    expect(JSON.parse(movaAlone.out)).toMatchObject({
      ok: false,
      standard: "HEADERS_MISSING",
      mova: "verified",
      message: expect.stringContaining("`--require mova`"),
    });
    expect((await verify([...lines(/^X-Mova/), "--require", "mova"])).code).toBe(0);

    const forged = await cli(["verify", '{"hello":2}', "--secret", secret, ...lines(/./)]);
    expect(forged).toMatchObject({ code: 1, err: "" });
    expect(forged.out).toContain("X-Mova-Signature   SIGNATURE_INVALID");
  });

  it("without a secret ask for one and name where it goes", async () => {
    const { code, err } = await cli(["sign", "{}"]);
    expect(code).toBe(2);
    expect(err).toContain("MOVA_WEBHOOK_SECRET");
  });
});

describe("send", () => {
  const toUrl = (url: string): string[] => ["--url", url, "--allow", "127.0.0.0/8", "--secret", secret];

  it("shows each attempt and ends with 0 when it is delivered", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 2 ? 503 : 200).end(),
    );
    const { code, out, err } = await cli([
      "send",
      "cache.updated",
      "--data",
      '{"key":"a"}',
      "--json",
      ...toUrl(endpoint.url),
    ]);
    expect(err).toMatch(/attempt 1: 503 http_5xx[^]*attempt 2: 200 success/);
    expect(JSON.parse(out)).toMatchObject({
      deliveries: [{ state: "delivered", attempts: [{}, { outcome: "success" }] }],
    });
    expect(JSON.parse(endpoint.requests[1]?.body.toString() ?? "")).toMatchObject({ data: { key: "a" } });
    expect(code).toBe(0);
  });

  it("ends with 1 when the receiver refuses it", async () => {
    const endpoint = await testEndpoint(400);
    expect((await cli(["send", "cache.updated", ...toUrl(endpoint.url)])).code).toBe(1);
  });

  it("ends with 1 and the reason when the receiver switches itself off", async () => {
    const endpoint = await testEndpoint((_, response) =>
      response.writeHead(503, { "webhook-delivery": "disable" }).end(),
    );
    const { code, err } = await cli(["send", "cache.updated", ...toUrl(endpoint.url)]);
    expect(code).toBe(1);
    expect(err).toContain("url is disabled: webhook-delivery: disable");
  });

  it("ends with 1 and the reason when there is nobody to send to, or events are switched off", async () => {
    const nobody = await cli(["send", "cache.updated"]);
    expect(nobody.code).toBe(1);
    expect(nobody.err).toContain("no endpoint is configured");
    write(
      "mova.config.yaml",
      `webhook:\n  secret: ${secret}\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "http://127.0.0.1:9/", event_types: [llm.*] }]\n`,
    );
    const unwanted = await cli(["send", "cache.updated"]);
    expect(unwanted.code).toBe(1);
    expect(unwanted.err).toContain("no endpoint wants it");
    const off = await cli(["send", "cache.updated"], { env: { MOVA_WEBHOOK_ENABLED: "false" } });
    expect(off.code).toBe(1);
    expect(off.err).toContain("MOVA_WEBHOOK_ENABLED");
  });

  it("reads data from a file and from stdin, and says what is wrong with it", async () => {
    const endpoint = await testEndpoint();
    const file = write("data.json", '{"from":"file"}');
    await cli(["send", "cache.updated", "--data", `@${file}`, ...toUrl(endpoint.url)]);
    await cli(["send", "cache.updated", "--data", "-", ...toUrl(endpoint.url)], {
      input: '{"from":"stdin"}',
    });
    const sent = endpoint.requests.map(({ body }) => (JSON.parse(body.toString()) as { data: unknown }).data);
    expect(sent).toEqual([{ from: "file" }, { from: "stdin" }]);
    const wrong = await cli(["send", "cache.updated", "--data", "{key:1}", ...toUrl(endpoint.url)]);
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain("Expected --data to be JSON");
  });

  it("names the nearest types where one is mistyped", async () => {
    const { code, err } = await cli(["send", "cache.updatd", ...toUrl("http://127.0.0.1:9/")]);
    expect(code).toBe(2);
    expect(err).toContain("cache.updated");
  });

  it("to a forbidden address is refused with the setting that permits it", async () => {
    const { code, err } = await cli([
      "send",
      "cache.updated",
      "--url",
      "http://127.0.0.1:9/",
      "--secret",
      secret,
    ]);
    expect(code).toBe(2);
    expect(err).toContain("network.allow");
  });
});

describe("listen", () => {
  it("verifies, prints, fails as planned, and forwards", async () => {
    const behind = await testEndpoint(202);
    const child = spawn(
      process.execPath,
      [
        main,
        "listen",
        "--port",
        "0",
        "--json",
        "--fail",
        "500:1,reset",
        "--forward",
        behind.url,
        "--secret",
        secret,
      ],
      { cwd: folder },
    );
    const out = text(child.stdout);
    const [banner] = (await once(child.stderr, "data")) as [Buffer];
    const url = /http:\S+\//.exec(banner.toString())?.[0] ?? "";
    const { code, err } = await cli([
      "send",
      "cache.updated",
      "--url",
      url,
      "--allow",
      "127.0.0.0/8",
      "--secret",
      secret,
    ]);
    child.kill("SIGINT");
    expect(code).toBe(0);
    expect(err).toMatch(/attempt 1: 500[^]*attempt 2: reset[^]*attempt 3: 202/);
    const lines = (await out)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ attempt, standard, mova, answered }) => [attempt, standard, mova, answered])).toEqual(
      [
        ["1", "verified", "verified", 500],
        ["2", "verified", "verified", "reset"],
        ["3", "verified", "verified", undefined],
      ],
    );
    expect(behind.requests).toHaveLength(1);
    expect(behind.requests[0]?.headers["webhook-signature"]).toMatch(/^v1,/);
  });
});

describe("listen --forward", () => {
  it("leaves out what belongs to the connection, and ends on SIGTERM", async () => {
    const behind = await testEndpoint(202);
    const child = spawn(
      process.execPath,
      [main, "listen", "--port", "0", "--forward", behind.url, "--secret", secret],
      {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const [banner] = (await once(child.stderr, "data")) as [Buffer];
    const url = /http:\S+\//.exec(banner.toString())?.[0] ?? "";
    const body = '{"event_type":"cache.updated","data":{}}';
    const signed = await cli(["sign", body, "--secret", secret, "--json"]);
    const posted = request(url, {
      method: "POST",
      headers: {
        ...(JSON.parse(signed.out) as Record<string, string>),
        "transfer-encoding": "chunked",
        te: "trailers",
        "keep-alive": "timeout=5",
        trailer: "x-checksum",
      },
    });
    posted.write(body.slice(0, 5));
    posted.end(body.slice(5));
    const [response] = (await once(posted, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(202);
    const headers = behind.requests[0]?.headers ?? {};
    expect(headers).toMatchObject({ "webhook-id": "evt_1", "content-length": String(body.length) });
    for (const name of ["transfer-encoding", "te", "trailer"]) expect(headers).not.toHaveProperty(name);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("records", () => {
  it.skipIf(!sqliteLoads)("are replayed all, also where there are more than one page of them", async () => {
    const { sqliteOutbox } = await import("../../src/outbox/sqlite/index.ts");
    const outbox = sqliteOutbox({ path: join(folder, "x.db") });
    const count = 10_001;
    const submissions = Array.from({ length: count }, (_, number) => ({
      event: {
        id: `evt_${number}`,
        type: "cache.updated",
        source: "api",
        createdAt: 1_700_000_000_000 + number,
        body: Buffer.from("{}"),
        origin: "test",
        decisions: [],
      },
      deliveries: [{ id: `dlv_${number}`, endpointId: "ops", dueAt: 1_700_000_000_000 }],
    }));
    await outbox.put(submissions);
    expect(await outbox.bury("ops", "test")).toBe(count);
    await outbox.close();
    const env = { MOVA_WEBHOOK_OUTBOX: "./x.db" };

    const { code, out, err } = await cli(["deliveries", "replay", "--all", "--json"], { env });
    expect(code).toBe(0);
    expect((JSON.parse(out) as { replayed: string[] }).replayed).toHaveLength(count);
    expect(err).toBe("10000 replayed so far …\n10001 replayed so far …\n");
  });

  it.skipIf(!sqliteLoads)(
    "are listed, shown, explained and replayed from the configured outbox",
    async () => {
      const endpoint = await testEndpoint(400);
      const { WebhookManager } = await import("mova-webhooks");
      const { sqliteOutbox } = await import("../../src/outbox/sqlite/index.ts");
      const config = write(
        "mova.config.yaml",
        `webhook:\n  outbox: { type: sqlite, path: ./x.db }\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n`,
      );
      const manager = new WebhookManager({ config, outbox: sqliteOutbox({ path: join(folder, "x.db") }) });
      await manager.start();
      const { id, deliveries } = await manager.triggerEvent("error.occurred", {});
      await manager.drain(5000);
      await manager.close();
      const deliveryId = deliveries[0] ?? "";

      const listed = JSON.parse((await cli(["deliveries", "list", "--state", "dead", "--json"])).out) as {
        deliveries: unknown[];
      };
      expect(listed.deliveries).toMatchObject([{ id: deliveryId, state: "dead", reason: "http_4xx" }]);
      expect((await cli(["deliveries", "list"])).out).toMatch(new RegExp(`\\n${deliveryId} .* ${id}\\n`));
      expect((await cli(["deliveries", "show", deliveryId])).out).toMatch(/ops[^]*http_4xx[^]*400/);
      expect((await cli(["explain", id])).out).toMatch(/ops +dead +1 +http_4xx/);
      expect(JSON.parse((await cli(["status", "--json"])).out)).toMatchObject([
        { id: "ops", url: new URL(endpoint.url).origin, dead: 1, pending: 0 },
      ]);
      expect((await cli(["deliveries", "replay", "--all", "--dry-run"])).out).toBe(
        `${deliveryId}\n1 would be replayed\n`,
      );
      expect((await cli(["deliveries", "replay", deliveryId])).out).toBe(`${deliveryId}\n1 replayed\n`);
      expect(JSON.parse((await cli(["status", "--json"])).out)).toMatchObject([
        { id: "ops", dead: 0, pending: 1 },
      ]);
      expect((await cli(["explain", id])).out).toMatch(
        /ops +waiting +1 +waits for a process that delivers\n/,
      );

      const unknown = await cli(["deliveries", "show", "dlv_nobody"]);
      expect(unknown).toMatchObject({ code: 1, out: "" });
      expect(unknown.err).toContain("deliveries list");
      expect((await cli(["deliveries", "replay"])).code).toBe(2);
      const hint = expect.stringMatching(/^no endpoint `nope` is configured, .*; configured are ops\n$/);
      const list = await cli(["deliveries", "list", "--endpoint", "nope", "--json"]);
      expect(list).toMatchObject({ code: 0, out: expect.stringContaining("[]"), err: hint });
      const none = await cli(["deliveries", "replay", "--endpoint", "nope", "--limit", "5"]);
      expect(none).toMatchObject({ code: 0, out: "0 replayed\n", err: hint });
      expect((await cli(["deliveries", "list", "--endpoint", "ops", "--until", "1d"])).err).toBe("");

      const mistyped = await cli(["deliveries", "replay", deliveryId, "dlv_nobody"]);
      expect(mistyped).toMatchObject({ code: 1, out: "" });
      expect(mistyped.err).toMatch(/no delivery `dlv_nobody`\. List them/);
      const unfinished = await cli(["deliveries", "replay", deliveryId]);
      expect(unfinished).toMatchObject({ code: 1, out: "0 replayed\n" });
      expect(unfinished.err).toContain(`${deliveryId} is pending: only a finished delivery`);
    },
  );

  it.skipIf(!sqliteLoads)("need no plugin: one that cannot be loaded is in nobody's way", async () => {
    const outbox = "outbox: { type: sqlite, path: ./x.db }";
    const endpoint = `{ id: ops, url: "https://hooks.example.com/", secret: ${secret} }`;
    write("mova.config.yaml", `webhook:\n  ${outbox}\n  plugins: [./gone.js]\n  endpoints: [${endpoint}]\n`);
    expect(await cli(["status"])).toMatchObject({ code: 0, out: expect.stringMatching(/ops +yes +0 +0 +0/) });
    expect(await cli(["deliveries", "list"])).toMatchObject({ code: 0, err: "" });
    expect((await cli(["explain", "evt_none"])).err).toContain("knows no event");
  });

  it("that nobody can look at are said to be so, with what to set", async () => {
    const missing = await cli(["status"]);
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toMatch(/no mova-webhooks\.db in this folder.*MOVA_WEBHOOK_OUTBOX/);
    const memory = await cli(["status"], { env: { MOVA_WEBHOOK_OUTBOX: "memory" } });
    expect(memory).toMatchObject({ code: 2, out: "" });
    expect(memory.err).toMatch(/in the memory of another process.*MOVA_WEBHOOK_OUTBOX/);
  });
});

describe("a running server", () => {
  const token = "correct-horse-battery-staple";

  async function running() {
    const endpoint = await testEndpoint(500);
    const manager = testManager({
      endpoints: [
        { id: "ops", url: endpoint.url, secret, retries: 0, circuitBreaker: { failures: 1, wait: 60 } },
      ],
    });
    await manager.start();
    const { url } = await manager.listen({ port: 0, token });
    const ask = (...args: string[]): Promise<Ended> =>
      cli([...args, "--url", url], { env: { MOVA_WEBHOOK_TOKEN: token } });
    const { id: eventId, deliveries } = await manager.triggerEvent("cache.updated", {});
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    return { manager, endpoint, url, ask, eventId, id };
  }

  it("tells circuits and switches, which its outbox does not know", async () => {
    const { ask, manager, eventId, id } = await running();
    manager.setEndpointEnabled("ops", false, "by the night shift");
    const status = await ask("status");
    expect(status).toMatchObject({ code: 0, err: "" });
    expect(status.out).toMatch(/ops +no: by the night shift +0 +0 +1 +open until \S+/);
    expect(JSON.parse((await ask("status", "--json")).out)).toMatchObject([
      { id: "ops", enabled: false, circuit: "open", dead: 1 },
    ]);
    expect(status.out).toContain("dead letters");
    expect((await ask("endpoints", "list")).out).toMatch(/ops +disabled +open until \S+ +by the night shift/);
    expect((await ask("explain", eventId)).out).toMatch(/ops +dead +1 +http_5xx/);
    expect((await ask("deliveries", "list", "--state", "dead", "--since", "1h")).out).toContain(id);
    expect((await ask("deliveries", "show", id)).out).toContain("http_5xx");
    expect(await ask("explain", "evt_none")).toMatchObject({ code: 1, out: "" });
    expect(await ask("deliveries", "show", "dlv_none")).toMatchObject({ code: 1, out: "" });
  });

  it("switches its endpoints, and delivers what they missed", async () => {
    const { ask, manager, endpoint, id } = await running();
    expect(await ask("endpoints", "disable", "ops")).toMatchObject({ code: 0, out: "ops is disabled\n" });
    expect(manager.getEndpoints()).toMatchObject([{ enabled: false }]);
    endpoint.answerWith(200);
    const enabled = await ask("endpoints", "enable", "ops", "--replay", "--json");
    expect(JSON.parse(enabled.out)).toEqual({ id: "ops", enabled: true, replayed: [id] });
    expect(manager.getEndpoints()).toMatchObject([{ enabled: true }]);
    expect((await ask("endpoints", "enable", "ops")).out).toBe("ops is enabled\n");
    const unknown = await ask("endpoints", "disable", "nope");
    expect(unknown).toMatchObject({ code: 1, out: "" });
    expect(unknown.err).toContain("no such endpoint");
  });

  it("shows dead letters at a glance, where nothing else is wrong", async () => {
    const { ask, manager, endpoint } = await running();
    endpoint.answerWith(200);
    for (const enabled of [false, true]) manager.setEndpointEnabled("ops", enabled);
    await manager.triggerEvent("cache.updated", {});
    expect(await manager.drain(5000)).toBe(true);
    expect((await ask("endpoints", "list")).out).toMatch(/ops +dead letters: 1 +closed/);
  });

  it("replays what is asked for, and nothing where an id is wrong", async () => {
    const { ask, manager, id } = await running();
    expect(await ask("deliveries", "replay", id, "dlv_none")).toMatchObject({ code: 1, out: "" });
    expect((await manager.get(id))?.replays).toBe(0);
    expect((await ask("deliveries", "replay", "--endpoint", "ops", "--dry-run")).out).toContain("1 would be");
    expect((await ask("deliveries", "replay", id)).out).toBe(`${id}\n1 replayed\n`);
    expect((await manager.get(id))?.replays).toBe(1);
  });

  it("is found by the configuration that starts it, with its token", async () => {
    const { url } = await running();
    const { port } = new URL(url);
    write("mova.config.yaml", `webhook:\n  server: { host: 0.0.0.0, port: ${port}, token: ${token} }\n`);
    expect((await cli(["endpoints", "list"])).out).toContain("ops");
  });

  it("that is not there, wants a token, or is another is said with what helps; exit 1", async () => {
    const { url } = await running();
    const untrusted = await cli(["status", "--url", url]);
    expect(untrusted.code).toBe(1);
    expect(untrusted.err).toMatch(/wants a token\. .*MOVA_WEBHOOK_TOKEN/);
    const wrong = await cli(["status", "--url", url, "--token", `${token}x`]);
    expect(wrong.err).toContain("does not take this token");
    const other = await testEndpoint(404);
    const stranger = await cli(["status", "--url", other.url]);
    expect(stranger).toMatchObject({ code: 1, err: expect.stringContaining("no mova-webhooks server") });
    const gone = await cli(["endpoints", "list", "--url", "http://127.0.0.1:9"]);
    expect(gone).toMatchObject({ code: 1, err: expect.stringContaining("--url") });
  });
});

describe("config check and doctor", () => {
  it("name every mistake, also those of plugins, types, addresses and the server", async () => {
    write(
      "orders.mjs",
      'export default () => ({ contract: 1, name: "orders", events: { "orders.paid": { summary: "", example: {} } }, translate: {} });\n',
    );
    write(
      "mova.config.yaml",
      `webhook:
  timeout: soon
  endpoints:
    - { id: a, url: "http://hooks.example.com/", secret: ${secret}, event_types: [cache.updatd, orders.paid, cahce.*] }
    - { id: b, url: "http://10.0.0.1/", secret: ${secret}, retries: -1, event_types: [orders.*, shop.sold] }
    - { id: c, url: "https://127.0.0.1/" }
  plugins: [./orders.mjs, cache]
  event_types: [shop.*]
  network: { require_https: true, allow: [10.0.0.0/8] }
  server: { host: 0.0.0.0 }
`,
    );
    const { code, err, out } = await cli(["config", "check", "--json"]);
    expect(code).toBe(2);
    const { mistakes } = JSON.parse(out) as { mistakes: string[] };
    const heads = mistakes.map((mistake) => mistake.split("\n", 1)[0]);
    expect(heads).toEqual([
      expect.stringMatching(/^mova\.config\.yaml:2:12: .*seconds/),
      expect.stringMatching(/:4:21: .*require_https.*use https/),
      expect.stringMatching(/:4:\d+: .*`cache\.updatd`; nearest are cache\.updated/),
      expect.stringMatching(/:4:\d+: .*no event type matches `cahce\.\*`; nearest are cache\.\*/),
      expect.stringMatching(/:5:21: .*10\.0\.0\.1.*require_https/),
      expect.stringMatching(/:5:\d+: .*retries/),
      expect.stringMatching(/:6:7: this endpoint has no secret; set/),
      expect.stringMatching(/:6:21: .*127\.0\.0\.1.*network\.allow/),
      expect.stringMatching(/:10:19: .*only with a token/),
    ]);
    for (const mistake of mistakes) expect(err).toContain(mistake);
    expect(err).toContain("There are 9 mistakes");
    expect(err).not.toContain(secret);
  });

  it("judge also the types of endpoints whose other settings are wrong", async () => {
    write(
      "mova.config.yaml",
      `webhook:
  secret: ${secret}
  endpoints:
    - { id: a, url: ftp://a.example.com, event_types: [shop.sold] }
    - { id: a, ulr: "https://b.example.com", event_types: [7, validaton.*] }
  network: { ports: [8443] }
`,
    );
    const { out } = await cli(["config", "check", "--json"]);
    const { mistakes } = JSON.parse(out) as { mistakes: string[] };
    expect(mistakes.map((mistake) => mistake.split("\n", 1)[0])).toEqual([
      expect.stringMatching(/:4:21: .*https:\/\//),
      expect.stringMatching(/:4:56: .*`shop\.sold`/),
      expect.stringMatching(/:5:7: .*url` is missing/),
      expect.stringMatching(/:5:7: .*the id `a`/),
      expect.stringMatching(/:5:16: .*`ulr`/),
      expect.stringMatching(/:5:\d+: .*event_types\[0\]/),
      expect.stringMatching(/:5:\d+: .*`validaton\.\*`; nearest are validation\.\*/),
    ]);
  });

  it("refuse a file without the section under the default name too", async () => {
    write("mova.config.yaml", "webhok:\n  endpoints: []\n");
    const checked = await cli(["config", "check"]);
    expect(checked).toMatchObject({ code: 2, err: expect.stringContaining("did you mean `webhook`") });
    expect(await cli(["serve", "--port", "0"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean `webhook`"),
    });
  });

  it("name plugins that cannot be loaded, and judge no types that they may declare", async () => {
    write("broken.mjs", "export default 7;\n");
    write("throwing.mjs", `throw new RangeError("own words");\n`);
    write("unfinished.mjs", "export default {\n");
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: a, url: "https://a.example.com/", secret: ${secret}, event_types: [nowhere.found] }]\n  plugins: [cahce, ./broken.mjs, { use: cache }, cache, ./throwing.mjs, ./unfinished.mjs]\n`,
    );
    const { code, err } = await cli(["config", "check"]);
    expect(code).toBe(2);
    expect(err).toMatch(/3:13: Plugin `cahce` cannot be imported/);
    expect(err).toMatch(/3:20: .*broken\.mjs` has no default export/);
    expect(err).toMatch(/3:50: Two plugins are named `cache`/);
    const thrown = /3:57: .*throwing\.mjs` failed: RangeError: own words, at .*throwing\.mjs:1:7/;
    expect(err).toMatch(thrown);
    expect(err).toMatch(/unfinished\.mjs` failed: SyntaxError: .*; run its file with `node` to see the line/);
    expect(err).toContain("There are 5 mistakes");
    const { out } = await cli(["doctor"]);
    expect(out).toMatch(/✗ configuration: .*3:13: Plugin `cahce`/);
    expect(out).toMatch(thrown);
  });

  it.skipIf(!sqliteLoads)("say what serve and register use where nothing is configured", async () => {
    const checked = await cli(["config", "check"]);
    expect(checked.out).toContain("\noutbox sqlite in mova-webhooks.db, the default of serve and register\n");
    expect(checked.out).toContain("\nplugins none; register: validation, cache, redis, llm, error, config\n");
    const { code, out } = await cli(["doctor"]);
    expect(code).toBe(0);
    expect(out).toContain(
      "✓ outbox: sqlite answers; mova-webhooks.db is the default of serve and register\n",
    );
    expect(readdirSync(folder)).toEqual([]);
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

  it("take a right configuration and hide its secrets", async () => {
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "http://127.0.0.1:9/hook", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n  outbox: { type: memory }\n`,
    );
    const checked = await cli(["config", "check", "--json"]);
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.out)).toMatchObject({ endpoints: [{ id: "ops" }] });
    expect(checked.out).not.toContain(secret);
    expect(checked.out).not.toContain("/hook");
    const examined = await cli(["doctor", "--json"]);
    expect(examined.code).toBe(0);
    expect(JSON.parse(examined.out)).toContainEqual({
      check: "endpoint ops",
      level: "ok",
      message: expect.stringContaining("127.0.0.1"),
    });
  });

  it("refuse a wrong one with file, line and column", async () => {
    write("mova.config.yaml", "webhook:\n  timeout: soon\n");
    const checked = await cli(["config", "check"]);
    expect(checked.code).toBe(2);
    expect(checked.err).toContain("mova.config.yaml:2:12");
    expect((await cli(["doctor"])).code).toBe(1);
  });

  it("refuse a configuration that is a directory", async () => {
    const { code, err } = await cli(["config", "check", "--config", folder]);
    expect(code).toBe(2);
    expect(err).toContain("directory");
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
    const file = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
    const server = createServer({ key: file("key.pem"), cert: file("self-signed.pem") });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "https://127.0.0.1:${port}/", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n`,
    );
    const { code, out } = await cli(["doctor"]);
    server.close();
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

/** `serve` beside a test: what it has said on stderr so far, too. Without a URL its configuration is the folder's file. */
function serving(
  url?: string,
  ...args: string[]
): { readonly child: ChildProcess; readonly said: () => string } {
  const settings = {
    MOVA_WEBHOOK_URL: url,
    MOVA_WEBHOOK_SECRET: secret,
    MOVA_WEBHOOK_ALLOW: "127.0.0.0/8",
    MOVA_WEBHOOK_OUTBOX: "memory",
  };
  const child = spawn(process.execPath, [main, "serve", "--port", "0", ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], ...(url === undefined ? {} : settings) },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { child, said: () => said };
}

describe("serve", () => {
  it.skipIf(!sqliteLoads)("sends nothing where it cannot listen, and ends with 2", async () => {
    const endpoint = await testEndpoint();
    const taken = new URL(endpoint.url).port;
    const config = write(
      "mova.config.yaml",
      `webhook:\n  outbox: { type: sqlite, path: ./x.db }\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n`,
    );
    const { WebhookManager } = await import("mova-webhooks");
    const { sqliteOutbox } = await import("../../src/outbox/sqlite/index.ts");
    const manager = new WebhookManager({ config, outbox: sqliteOutbox({ path: join(folder, "x.db") }) });
    await manager.triggerEvent("error.occurred", {});
    await manager.close();
    const inUse = await cli(["serve", "--port", taken]);
    expect(inUse.code).toBe(2);
    expect(inUse.err).toContain("the port is in use. Choose another port, or stop what listens there");
    const open = await cli(["serve", "--host", "0.0.0.0", "--port", "0"]);
    expect(open.code).toBe(2);
    expect(open.err).toContain("MOVA_WEBHOOK_TOKEN");
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each([
    ["that MOVA_WEBHOOK_TOKEN gives", "", "token-of-the-environment"],
    [
      "of the file before that of the environment",
      "  server: { token: token-of-the-file-itself }\n",
      "token-of-the-file-itself",
    ],
  ])("wants the token %s", async (_, line, wanted) => {
    write("mova.config.yaml", `webhook:\n  outbox: { type: memory }\n${line}`);
    const child = spawn(process.execPath, [main, "serve", "--port", "0", "--json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "ignore"],
      env: { PATH: process.env["PATH"], MOVA_WEBHOOK_TOKEN: "token-of-the-environment" },
    });
    const [printed] = (await once(child.stdout, "data")) as [Buffer];
    const { url } = JSON.parse(printed.toString()) as { url: string };
    const statusFor = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/api/deliveries`, { headers })).status;
    expect(await statusFor({})).toBe(401);
    expect(await statusFor({ authorization: `Bearer ${wanted}` })).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("logs JSON lines by default: its start, what dies, and what is switched off", async () => {
    const endpoint = await testEndpoint(410);
    const { child, said } = serving(endpoint.url);
    await until(() => said().includes("Delivering."));
    const url = /http:\S+?(?=\/ )/.exec(said())?.[0] ?? "";
    await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated" }),
    });
    await until(() => said().includes("delivery.dead") && said().includes('"enabled":false'));
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
    const lines = said()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 30,
        url,
        outbox: "memory",
        endpoints: 1,
        version: expect.any(String),
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 50, msg: "delivery.dead", endpoint_id: "environment" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, msg: "endpoint.changed", enabled: false }),
    );
    expect(lines.at(-1)).toMatchObject({ msg: "Stopped." });
  });

  it("says that --watch has nothing to watch, and answers scrapes while it ends what is in flight", async () => {
    let answer = (): void => undefined;
    const endpoint = await testEndpoint((_, response) => {
      answer = () => void response.writeHead(200).end();
    });
    const { child, said } = serving(endpoint.url, "--watch");
    await until(() => said().includes("nothing is watched"));
    const url = /http:\S+?(?=\/ )/.exec(said())?.[0] ?? "";
    await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated", data: {} }),
    });
    await endpoint.received(1);
    child.kill("SIGTERM");
    await until(() => said().includes("in flight"));
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    const ended = once(child, "exit");
    answer();
    expect(await ended).toEqual([0, null]);
  });

  it("takes over a changed configuration on SIGHUP, refuses a bad one, and ends with 0", async () => {
    const endpoint = await testEndpoint();
    const config = (lines: string): string =>
      write(
        "mova.config.yaml",
        `webhook:\n  secret: ${secret}\n  outbox: { type: memory }\n  network: { allow: [127.0.0.0/8] }\n${lines}`,
      );
    config("  endpoints: []\n");
    const { child, said } = serving();
    await until(() => said().includes("Delivering."));
    const url = /http:\S+?(?=\/ )/.exec(said())?.[0] ?? "";
    config(`  endpoints: [{ id: ops, url: "${endpoint.url}", event_types: [cache.*] }]\n`);
    child.kill("SIGHUP");
    await until(() => said().includes("1 added"));
    config("  timeout: soon\n");
    child.kill("SIGHUP");
    await until(() => said().includes("stays as it was"));
    rmSync(join(folder, "mova.config.yaml"));
    child.kill("SIGHUP");
    await until(() => said().includes("Put the file back"));
    const posted = await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated", data: { key: "a" } }),
    });
    expect(posted.status).toBe(202);
    expect(await endpoint.received(1)).toHaveLength(1);
    child.kill("SIGTERM");
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect([code, signal]).toEqual([0, null]);
  });
});
