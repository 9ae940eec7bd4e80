/** What the Redis outbox says and does when its server is wrong, strange, full, gone or back. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { WebhookError } from "../../src/event/errors.ts";
import { checkRedisSettings, redisOutbox, type RedisOutboxOptions } from "../../src/outbox/redis/index.ts";
import { RedisOutbox } from "../../src/outbox/redis/redis-outbox.ts";
import { type ScriptName, scripts } from "../../src/outbox/redis/scripts.ts";
import { RedisSession } from "../../src/outbox/redis/session.ts";
import { judgeRedis } from "../../src/outbox/redis/server-settings.ts";
import { reasonWithoutRedisServer, type RedisServer, startRedis } from "../support/redis-server.ts";
import { listening } from "../support/listening.ts";
import { type Ended, runModule } from "../support/program.ts";
import { silentLogger } from "../../src/event/logger.ts";
import { submission } from "../support/submission.ts";

const without = reasonWithoutRedisServer();
const secret = "s3cret-Pass";

async function errorOfPing(options: RedisOutboxOptions): Promise<WebhookError> {
  const outbox = redisOutbox(options);
  const error: unknown = await outbox.ping().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await outbox.close();
  if (!WebhookError.is(error)) throw new Error(`expected a WebhookError, got ${String(error)}`);
  return error;
}

function everythingSaid(error: WebhookError): string {
  const cause = error.cause as Error;
  return [error.message, error.stack, cause.message, JSON.stringify(cause), Object.values(cause)].join("\n");
}

/** Passes everything on, but ends the connection instead of passing on the answer to the chosen request. */
function cuttingProxy(port: number) {
  let [isCutting, cuts] = [false, 0];
  let chosen: string | undefined;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.on("data", (chunk) => {
      if (chosen === undefined || !chunk.includes(chosen)) return;
      chosen = undefined;
      isCutting = true;
    });
    near.pipe(far);
    near.on("error", () => far.destroy());
    near.on("close", () => far.destroy());
    far.on("data", (chunk) => {
      if (!isCutting) return void near.write(chunk);
      isCutting = false;
      cuts += 1;
      near.destroy();
    });
  });
  return {
    server,
    cutNextAnswer: () => {
      isCutting = true;
    },
    /** Finds a script by its text, which a connection sends when it runs it for the first time. */
    cutAnswerTo: (script: ScriptName) => {
      chosen = scripts[script]?.lua;
    },
    get cuts() {
      return cuts;
    },
  };
}

async function withRedis(settings: string[], run: (server: RedisServer) => Promise<void>): Promise<void> {
  const server = await startRedis(...settings);
  try {
    await run(server);
  } finally {
    await server.end();
  }
}

describe("the Redis outbox's options", () => {
  it.each(["", "localhost:6379", `http://:${secret}@host`, `redis://:${secret}@`])(
    "refuse the URL %s without repeating it",
    (url) => {
      const call = () => redisOutbox({ url });
      expect(call).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
      expect(call).not.toThrow(secret);
    },
  );

  it("refuse a URL together with a connection, and a lease too short to renew", () => {
    const both = { url: "redis://127.0.0.1", connection: { host: "127.0.0.1" } };
    expect(() => redisOutbox(both)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => redisOutbox({ leaseMs: 10 })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});

describe("a Redis that cannot be used", () => {
  it("is named by its address when nothing listens there", async () => {
    const error = await errorOfPing({ url: `redis://:${secret}@127.0.0.1:1` });
    expect(error.code).toBe("OUTBOX_UNAVAILABLE");
    expect(error.message).toContain("Nothing listens at 127.0.0.1:1");
    expect(everythingSaid(error)).not.toContain(secret);
  });

  it("is named when its host name is unknown", async () => {
    const error = await errorOfPing({ url: "redis://redis.invalid" });
    expect(error.message).toContain("host name of the Redis at redis.invalid:6379");
  });

  it.skipIf(without)("asks for its password, and refuses a wrong one, without telling it", async () => {
    await withRedis(["--requirepass", "right"], async ({ port, url }) => {
      expect((await errorOfPing({ url })).message).toContain("asks for a password");
      for (const wrong of [
        `redis://:${secret}@127.0.0.1:${port}`,
        `redis://bob:${secret}@127.0.0.1:${port}`,
      ]) {
        const error = await errorOfPing({ url: wrong });
        expect(error.code).toBe("OUTBOX_UNAVAILABLE");
        expect(error.message).toContain("refuses the user name or password");
        expect(everythingSaid(error)).not.toContain(secret);
      }
      const outbox = redisOutbox({ url: `redis://:right@127.0.0.1:${port}` });
      await outbox.ping();
      await outbox.close();
    });
  });

  it.skipIf(without)("is not used with another database than the one asked for", async () => {
    await withRedis([], async ({ url }) => {
      expect((await errorOfPing({ url: `${url}/99` })).message).toContain("no database of that number");
    });
  });

  it("is recognised as something else when it does not speak the protocol", async () => {
    const port = await listening(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const error = await errorOfPing({ url: `redis://127.0.0.1:${port}` });
    expect(error.message).toContain("does not speak the protocol of Redis");
  });

  it("is given up within seconds when it never answers", async () => {
    const port = await listening(createServer());
    const error = await errorOfPing({ url: `redis://127.0.0.1:${port}` });
    expect(error.message).toContain("did not answer in time");
  });

  it.skipIf(without)("is left alone when its keys are of a newer version or of somebody else", async () => {
    await withRedis([], async ({ url }) => {
      const client = new Redis(url);
      await client.set("newer:schema", "2");
      await client.hset("other:schema", "a", "b");
      await client.quit();
      expect((await errorOfPing({ url, prefix: "newer" })).code).toBe("OUTBOX_INVALID");
      expect((await errorOfPing({ url, prefix: "other" })).code).toBe("OUTBOX_INVALID");
    });
  });
});

describe("a Redis that is full, gone or back", () => {
  it.skipIf(without)("refuses what it has no room for, and keeps what it has", async () => {
    await withRedis(["--maxmemory", "4mb"], async ({ url }) => {
      const outbox = redisOutbox({ url });
      const accepted: string[] = [];
      let error: unknown;
      for (let number = 0; error === undefined && number < 1000; number += 1) {
        const id = `evt_${number}`;
        await outbox.put([submission(id, { body: Buffer.alloc(50_000) })]).then(
          () => accepted.push(id),
          (reason: unknown) => {
            error = reason;
          },
        );
      }
      expect(WebhookError.is(error, "OUTBOX_FULL")).toBe(true);
      expect((await outbox.find({})).deliveries.map(({ eventId }) => eventId).toSorted()).toEqual(
        accepted.toSorted(),
      );
      await outbox.close();
    });
  });

  it.skipIf(without)("makes a put reject while it is away, and accept when it is back", async () => {
    await withRedis(["--appendonly", "yes", "--appendfsync", "always"], async (server) => {
      const outbox = redisOutbox({ url: server.url });
      await outbox.put([submission("evt_1")]);
      await server.stop("SIGKILL");
      await expect(outbox.put([submission("evt_2")])).rejects.toMatchObject({
        code: "OUTBOX_UNAVAILABLE",
        retryable: true,
      });
      await server.start();
      expect((await outbox.put([submission("evt_2")]))[0]?.accepted).toBe(true);
      expect((await claimsOf(outbox, "ops", 10)).map(({ event }) => event.id)).toEqual(["evt_1", "evt_2"]);
      await outbox.close();
    });
  });

  it.skipIf(without)("accepts a put that was waiting for it", async () => {
    await withRedis([], async (server) => {
      const outbox = redisOutbox({ url: server.url });
      await outbox.ping();
      await server.stop();
      const waiting = outbox.put([submission("evt_1")]);
      await server.start();
      expect((await waiting)[0]?.accepted).toBe(true);
      await outbox.close();
    });
  });

  it.skipIf(without)("does not doubt its own put when the connection is lost before the answer", async () => {
    await withRedis([], async ({ port }) => {
      const proxy = cuttingProxy(port);
      const outbox = redisOutbox({ url: `redis://127.0.0.1:${await listening(proxy.server)}` });
      await outbox.ping();
      proxy.cutNextAnswer();
      expect((await outbox.put([submission("evt_1")]))[0]?.accepted).toBe(true);
      expect(proxy.cuts).toBe(1);
      expect((await outbox.put([submission("evt_1")]))[0]?.accepted).toBe(false);
      expect((await outbox.find({})).deliveries).toHaveLength(1);
      await outbox.close();
      proxy.server.close();
    });
  });

  it.skipIf(without)("sees one connection, whatever the number of endpoints", async () => {
    await withRedis([], async ({ url }) => {
      const outbox = redisOutbox({ url });
      const endpointIds = Array.from({ length: 50 }, (_, index) => `endpoint ${index}`);
      const [now, event] = [Date.now(), submission("evt_1").event];
      const deliveries = endpointIds.map((endpointId) => ({
        id: `dlv_${endpointId}`,
        endpointId,
        dueAt: now,
      }));
      await outbox.put([{ event, deliveries }]);
      for (const endpointId of endpointIds) expect(await claimsOf(outbox, endpointId, 1)).toHaveLength(1);
      const client = new Redis(url);
      const connections = String(await client.client("LIST"))
        .trim()
        .split("\n");
      client.disconnect();
      await outbox.close();
      expect(connections).toHaveLength(2);
    });
  });
});

describe("a claim whose connection is lost under way", () => {
  /** An outbox behind a proxy, with a lease too long to run out here and upkeep that happens when it is told to. */
  async function withClaims(
    run: (given: {
      outbox: RedisOutbox;
      client: Redis;
      proxy: ReturnType<typeof cuttingProxy>;
      upkeep: () => void;
    }) => Promise<void>,
  ): Promise<void> {
    await withRedis([], async ({ port, url }) => {
      const proxy = cuttingProxy(port);
      const client = new Redis(url);
      const tasks: (() => void)[] = [];
      const session = new RedisSession({
        url: `redis://127.0.0.1:${await listening(proxy.server)}`,
        leaseMs: 60_000,
      });
      const outbox = new RedisOutbox(session, (_, task) => {
        tasks.push(task);
        return () => undefined;
      });
      const upkeep = () => {
        for (const task of tasks) task();
      };
      try {
        await run({ outbox, client, proxy, upkeep });
        expect(proxy.cuts).toBe(1);
      } finally {
        await outbox.close();
        client.disconnect();
        proxy.server.close();
      }
    });
  }

  it.skipIf(without)("answers what its first round took when a later round fails", async () => {
    await withClaims(async ({ outbox, client, proxy }) => {
      await outbox.put([submission("evt_1"), submission("evt_2")]);
      // The first round takes one delivery, the next has to write the other one's ticket again.
      const queue = "mova-webhooks:queue:ops.first";
      await client.del(`${queue}:dlv_evt_2`);
      expect(await client.lrem(`${queue}:wait`, 0, "dlv_evt_2")).toBe(1);
      proxy.cutAnswerTo("outboxTicketless");
      const claims = await claimsOf(outbox, "ops", 2);
      expect(claims.map(({ id }) => id)).toEqual(["dlv_evt_1"]);
      expect(await Promise.all(claims.map((claim) => outbox.settle(claim, { kind: "delivered" })))).toEqual([
        "settled",
      ]);
      expect((await claimsOf(outbox, "ops", 2)).map(({ id }) => id)).toEqual(["dlv_evt_2"]);
    });
  });

  it.skipIf(without)("does not keep what it took without hearing of it from the next claim", async () => {
    await withClaims(async ({ outbox, proxy }) => {
      await outbox.put([submission("evt_1")]);
      proxy.cutAnswerTo("outboxTake");
      await expect(claimsOf(outbox, "ops", 1)).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
      expect(await outbox.counts()).toMatchObject([{ delivering: 1 }]);
      const [claim] = await claimsOf(outbox, "ops", 1);
      expect(claim).toMatchObject({ id: "dlv_evt_1", attempt: 1 });
    });
  });

  it.skipIf(without)("has what it took without hearing of it released by the upkeep", async () => {
    await withClaims(async ({ outbox, proxy, upkeep }) => {
      await outbox.put([submission("evt_1")]);
      proxy.cutAnswerTo("outboxTake");
      await expect(claimsOf(outbox, "ops", 1)).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
      expect(await outbox.counts()).toMatchObject([{ delivering: 1 }]);
      upkeep();
      await expect.poll(() => outbox.counts()).toMatchObject([{ delivering: 0, pending: 1 }]);
    });
  });
});

describe("the settings of a Redis", () => {
  it("are told with what they should be", () => {
    const info = (version: string, aof: string, policy: string) =>
      `# Server\r\nredis_version:${version}\r\naof_enabled:${aof}\r\nmaxmemory_policy:${policy}\r\n`;
    const settings = (text: string) => judgeRedis(text).map(({ setting, severity }) => [setting, severity]);
    expect(settings(info("7.2.4", "1", "noeviction"))).toEqual([]);
    expect(settings(info("6.2.0", "1", "noeviction"))).toEqual([]);
    expect(settings(info("6.0.16", "1", "noeviction"))).toEqual([["version", "error"]]);
    expect(settings(info("8.0.0", "0", "allkeys-lru"))).toEqual([
      ["appendonly", "warning"],
      ["maxmemory-policy", "warning"],
    ]);
  });

  it.skipIf(without)("are asked of the server, and warned of once", async () => {
    await withRedis(["--maxmemory-policy", "volatile-lru"], async ({ url }) => {
      expect(await checkRedisSettings({ url })).toMatchObject([
        { setting: "appendonly", found: "no" },
        { setting: "maxmemory-policy", found: "volatile-lru" },
      ]);
      const warnings: object[] = [];
      const outbox = redisOutbox({
        url,
        logger: { ...silentLogger, warn: (fields) => warnings.push(fields) },
      });
      await outbox.ping();
      await outbox.ping();
      await outbox.close();
      expect(warnings).toHaveLength(2);
    });
  });
});

describe("a process with a Redis outbox", () => {
  const module = fileURLToPath(new URL("../../src/outbox/redis/index.ts", import.meta.url));
  const runScript = (script: string): Promise<Ended> =>
    runModule(`const { redisOutbox } = await import(${JSON.stringify(module)}); ${script}`);
  const endsWith = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: "" });

  it.skipIf(without)("ends by itself, also without close and also when Redis went away", async () => {
    await withRedis([], async (server) => {
      const { url } = server;
      const use = `const outbox = redisOutbox({ url: "${url}" }); await outbox.due(); console.log("used");`;
      expect(await runScript(use)).toEqual(endsWith("used\n"));
      const closed = await runScript(`${use} await outbox.close();`);
      expect(closed).toEqual(endsWith("used\n"));
      await server.stop();
      const caught = `await outbox.due().catch((error) => console.log(error.code));`;
      const away = await runScript(`const outbox = redisOutbox({ url: "${url}" }); ${caught}`);
      expect(away).toEqual(endsWith("OUTBOX_UNAVAILABLE\n"));
    });
  });
});
