/** Judges a Redis by its INFO: whether it can be an outbox, and whether it keeps what it was given. */
import type { RedisOutboxOptions } from "./options.ts";
import { RedisSession } from "./session.ts";

export interface RedisFinding {
  readonly setting: "version" | "appendonly" | "maxmemory-policy";
  readonly found: string;
  /** An error keeps the outbox from working; a warning means that Redis may lose what it accepted. */
  readonly severity: "error" | "warning";
  readonly remedy: string;
}

/** Connects, looks, and closes. Rejects with DEPENDENCY_MISSING or OUTBOX_UNAVAILABLE. */
export async function checkRedisSettings(options: RedisOutboxOptions = {}): Promise<readonly RedisFinding[]> {
  const session = new RedisSession(options);
  try {
    return judgeRedis(await session.use(({ client }) => client.info()));
  } finally {
    session.close();
  }
}

/** Reads what `INFO` answers. Valkey names the Redis version it is compatible with. */
export function judgeRedis(info: string): readonly RedisFinding[] {
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
  const version = value("redis_version");
  const policy = value("maxmemory_policy");
  const findings: RedisFinding[] = [];
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    const remedy = "Use Redis 6.2 or later, or Valkey.";
    findings.push({ setting: "version", found: version || "unknown", severity: "error", remedy });
  }
  if (value("aof_enabled") === "0") {
    const remedy = "Set `appendonly yes` (and `appendfsync always` to survive power loss without a gap).";
    findings.push({ setting: "appendonly", found: "no", severity: "warning", remedy });
  }
  if (policy !== "" && policy !== "noeviction") {
    const remedy =
      "Set `maxmemory-policy noeviction`: every other policy deletes deliveries when memory is short.";
    findings.push({ setting: "maxmemory-policy", found: policy, severity: "warning", remedy });
  }
  return findings;
}
