/** Takes out of an event's data what the user does not want stored or sent. */
import { answeredAtOnce } from "../event/at-once.ts";
import { writeJson } from "../event/webhook-event.ts";
import type { Redact } from "../settings/plugin-use.ts";

const redacted = "[redacted]";

/** Works on what would be stored, so that no `toJSON` and no getter brings back what was taken out. */
export function redactData(redact: Redact, data: unknown, type: string): unknown {
  const plain = JSON.parse(writeJson(data ?? {}, `The data of ${type}`)) as unknown;
  if (typeof redact === "function") return answeredAtOnce(redact(plain, type), "`redact`");
  const keys = new Set(redact.filter((rule) => !rule.includes(".")));
  if (keys.size > 0) hideKeys(plain, keys);
  for (const rule of redact) if (rule.includes(".")) hidePath(plain, rule.split("."));
  return plain;
}

function hideKeys(value: unknown, keys: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inside] of Object.entries(value)) {
    if (keys.has(key)) Reflect.set(value, key, redacted);
    else hideKeys(inside, keys);
  }
}

function hidePath(value: unknown, [key = "", ...rest]: readonly string[]): void {
  if (Array.isArray(value)) for (const item of value) hidePath(item, [key, ...rest]);
  else if (typeof value === "object" && value !== null && Object.hasOwn(value, key)) {
    if (rest.length === 0) Reflect.set(value, key, redacted);
    else hidePath(Reflect.get(value, key), rest);
  }
}
