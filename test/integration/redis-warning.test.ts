/** A configured Redis that may lose deliveries is told of by the manager that opens it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { reasonWithoutRedisServer, startRedis } from "../support/redis-server.ts";
import { testManager } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

it.skipIf(reasonWithoutRedisServer() !== undefined)("warns in the manager's log when it starts", async () => {
  const folder = temporaryFolder();
  const redis = await startRedis("--appendonly", "no", "--maxmemory-policy", "allkeys-lru");
  try {
    const config = join(folder, "mova.config.yaml");
    writeFileSync(config, `webhook: { outbox: { type: redis, url: "${redis.url}" } }\n`);
    const warned: object[] = [];
    const ignore = (): void => undefined;
    const warn = (fields: object): void => void warned.push(fields);
    const manager = testManager({ config, logger: { debug: ignore, info: ignore, warn, error: ignore } });
    await manager.start();
    await manager.close();
    expect(warned).toContainEqual({ setting: "appendonly", found: "no" });
    expect(warned).toContainEqual({ setting: "maxmemory-policy", found: "allkeys-lru" });
  } finally {
    await redis.end();
  }
});
