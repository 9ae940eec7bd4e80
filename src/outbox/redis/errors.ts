/** Says what is wrong with a Redis, in the words of the error table and without what was sent to it. */
import { type ErrorCode, WebhookError } from "../../event/errors.ts";

interface Complaint {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly says: string;
}

/** `%` stands for the address. The first pattern that fits the error's code or message decides. */
const complaints: readonly Complaint[] = [
  {
    pattern: /NOAUTH/,
    code: "OUTBOX_UNAVAILABLE",
    says: "Redis at % asks for a password; put it into the URL (redis://:password@host) or into `connection`",
  },
  {
    pattern: /WRONGPASS|invalid password|invalid username/i,
    code: "OUTBOX_UNAVAILABLE",
    says: "Redis at % refuses the user name or password it was given",
  },
  {
    pattern: /NOPERM/,
    code: "OUTBOX_UNAVAILABLE",
    says: "The Redis user may not do what the outbox needs at %: allow it all keys of the prefix, and scripting",
  },
  {
    pattern: /ECONNREFUSED/,
    code: "OUTBOX_UNAVAILABLE",
    says: "Nothing listens at %, where Redis should be",
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN/,
    code: "OUTBOX_UNAVAILABLE",
    says: "The host name of the Redis at % is not known",
  },
  {
    pattern: /Protocol error|RESP type/i,
    code: "OUTBOX_UNAVAILABLE",
    says: "What answers at % does not speak the protocol of Redis",
  },
  {
    pattern: /^OOM/,
    code: "OUTBOX_FULL",
    says: "Redis at % has reached its `maxmemory` and takes nothing more",
  },
  {
    pattern: /MISCONF/,
    code: "OUTBOX_UNAVAILABLE",
    says: "Redis at % cannot write to its disk and therefore takes nothing more",
  },
  { pattern: /READONLY/, code: "OUTBOX_UNAVAILABLE", says: "Redis at % is a read-only replica" },
  { pattern: /LOADING/, code: "OUTBOX_UNAVAILABLE", says: "Redis at % is still loading its data" },
  {
    pattern: /WRONGTYPE/,
    code: "OUTBOX_INVALID",
    says: "Redis at % holds something under the outbox's key prefix that is not an outbox",
  },
  {
    pattern: /DB index is out of range/,
    code: "OUTBOX_UNAVAILABLE",
    says: "Redis at % has no database of that number",
  },
  {
    pattern: /timed? ?out|ETIMEDOUT/i,
    code: "OUTBOX_UNAVAILABLE",
    says: "Redis at % did not answer in time",
  },
  {
    pattern: /closed|writeable|aborted|ECONNRESET|EPIPE/i,
    code: "OUTBOX_UNAVAILABLE",
    says: "The connection to the Redis at % was lost",
  },
  {
    pattern: /CERT|certificate|SSL|TLS/i,
    code: "OUTBOX_UNAVAILABLE",
    says: "No trusted TLS connection to the Redis at %",
  },
];

/** Returns a WebhookError. ioredis's own errors carry the command with its arguments: none of that is kept. */
export function explainRedisError(error: unknown, address: string): WebhookError {
  if (WebhookError.is(error)) return error;
  const { code = "", message = "" } = error as { code?: unknown; message?: string };
  const text = `${typeof code === "string" ? code : ""} ${message}`.trim();
  const complaint = complaints.find(({ pattern }) => pattern.test(text));
  const cause = new Error(message);
  if (complaint === undefined) {
    return new WebhookError("OUTBOX_UNAVAILABLE", `The Redis at ${address} did not do its part`, { cause });
  }
  return new WebhookError(complaint.code, complaint.says.replace("%", address), { cause });
}

/** Tells whether trying again at once may help: the server is away, or not there yet. */
export function isOutage(error: unknown): boolean {
  const { code = "", message = "" } = error as { code?: unknown; message?: string };
  return /ECONN|EPIPE|EHOST|ENET|closed|aborted|LOADING|writeable|timed? ?out/i.test(
    `${String(code)} ${message}`,
  );
}
