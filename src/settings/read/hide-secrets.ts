/** Keeps a configuration's secrets out of `util.inspect` and JSON, where logs and crash dumps would show them. */
import { inspect } from "node:util";
import { originOf } from "../../security/redact.ts";

/** Settings that hold secrets, or may hold them, wherever they stand. */
export const secretKeys: ReadonlySet<string> = new Set(["secret", "token", "headers", "options"]);

/** Freezes a tree of plain objects and lists, and gives every object in it a printed form without secrets. */
export function sealConfig<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) sealConfig(each);
  if (!Array.isArray(value)) {
    const printed = (): unknown => withoutSecrets(value);
    Object.defineProperty(value, "toJSON", { value: printed });
    Object.defineProperty(value, inspect.custom, { value: printed });
  }
  return Object.freeze(value);
}

function withoutSecrets(value: object): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, each]: [string, unknown]) => {
    if (secretKeys.has(key)) return [key, "[secret]"] as const;
    return [key, key === "url" ? originOf(String(each)) : each] as const;
  });
  return Object.fromEntries(entries);
}
