/** Every library in every range that is in use, on every Node, in both module systems, without touching the program. */
import { createServer } from "node:http";
import { type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ChildProject, childProject, nodeOf, webhookEnvironment } from "../support/child-project.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import * as use from "../support/library-programs.ts";
import { listening } from "../support/listening.ts";

const { ajv, ajv2020, zod, keyv, lruCache, openai, anthropic, ioredis, nodeRedis } = use;

/** Real name → alias; what is not named is the version this package is developed with. */
const sets: Record<string, { versions: Record<string, string>; uses: readonly use.LibraryUse[] }> = {
  "the newest of all": {
    versions: {},
    uses: [
      ...[ajv, ajv2020, zod, use.zod3Inside4, keyv, lruCache, use.keyvOverLruCache, use.cacheManager],
      ...[openai, anthropic, ioredis, nodeRedis],
    ],
  },
  "zod 3, cache-manager 6, openai 5, redis 5": {
    versions: { zod: "zod3", "cache-manager": "cache-manager6", openai: "openai5", redis: "redis5" },
    uses: [zod, use.zod4Inside3, keyv, use.cacheManager, openai, nodeRedis],
  },
  "keyv 4, cache-manager 5, lru-cache 10, openai 4, anthropic 0, ioredis 5, redis 4": {
    versions: {
      ...{ keyv: "keyv4", "cache-manager": "cache-manager5", "lru-cache": "lru-cache10" },
      ...{ openai: "openai4", "@anthropic-ai/sdk": "anthropic0", ioredis: "ioredis5", redis: "redis4" },
    },
    uses: [keyv, lruCache, use.keyvOverLruCache, use.cacheManager5, openai, anthropic, ioredis, nodeRedis],
  },
};

const nodes = [
  ["this Node", process.execPath],
  ...([22, 24] as const).map((major) => {
    const path = nodeOf(major);
    return [path === undefined ? `Node ${major}, which is not installed` : `Node ${major}`, path] as const;
  }),
] as const;

let receiver: FakeEndpoint;
let redis: RedisServer;
let project: ChildProject | undefined;
let llmPort: number;
const llm = createServer((request, response) => {
  request.resume();
  response.writeHead(400, { "content-type": "application/json" }).end('{"error":{"message":"no"}}');
});

beforeAll(async () => {
  redis = await startRedis();
  llmPort = await listening(llm);
});
afterAll(async () => {
  await redis.end();
});
afterEach(async () => {
  await receiver.close();
});

describe.each(Object.entries(sets))("%s", (_, { versions, uses }) => {
  describe.each(nodes)("on %s", (_name, node) => {
    it.skipIf(node === undefined).each(["mjs", "cjs"] as const)(
      "makes the events of a .%s program that does not know of us",
      async (form) => {
        receiver = await fakeEndpoint();
        project = childProject(versions);
        project.write(`app.${form}`, use.programOf(uses, form));
        const env = {
          LLM_URL: `http://127.0.0.1:${llmPort}`,
          REDIS_URL: redis.url,
          ...webhookEnvironment(receiver.url),
          // better-sqlite3 is built for one Node.
          MOVA_WEBHOOK_OUTBOX: "memory",
        };
        const alone = await project.run(`app.${form}`, {
          watched: false,
          env,
          ...(node !== undefined && { node }),
        });
        const watched = await project.run(`app.${form}`, { env, ...(node !== undefined && { node }) });
        expect(alone.code).toBe(0);
        expect(watched).toEqual(alone);

        const got = receiver.requests.map(({ body }) => JSON.parse(body.toString()));
        const expected = uses.flatMap(({ events }) => events);
        expect(got.map(summaryOf).sort()).toEqual(
          expected.map(([event_type, data]) => summaryOf({ event_type, data })).sort(),
        );
        for (const [event_type, data] of expected) {
          expect(got).toContainEqual(
            expect.objectContaining({ event_type, data: expect.objectContaining(data) }),
          );
        }
      },
    );
  });
});

function summaryOf({ event_type, data }: { event_type: string; data: Record<string, unknown> }): string {
  const { library = "", key = "", schema = "", provider = "", operation = "" } = data;
  const what = event_type.startsWith("cache") ? [key] : [schema, provider, provider === "" ? "" : operation];
  return [event_type, library, ...what].join(" ");
}
