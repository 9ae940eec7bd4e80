/** Says what is wrong with a Postgres, in the words of the error table and without what was sent to it. */
import { type ErrorCode, WebhookError } from "../../event/errors.ts";

interface Complaint {
  /** Fits the error's code, or its message. */
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly says: string;
}

/** `%` stands for the address. The first that fits decides. */
const complaints: readonly Complaint[] = [
  complaint(/^28/, "refuses the user name or password it was given"),
  complaint(/^3D000/, "has no database of that name"),
  complaint(
    /^42501/,
    "does not let the user do what the outbox needs: see `mova-webhooks outbox migrate --print`",
  ),
  complaint(/^25006/, "is a read-only standby"),
  complaint(/^(53100|53200)/, "has no room for more: its disk or memory is full"),
  complaint(/^53300|too many clients/, "has no connection left"),
  complaint(/^(57P0|58|08)/, "is starting, stopping or being restored"),
  complaint(/^25P02/, "takes nothing more in this transaction, because a statement before failed"),
  complaint(/^(57014|55P03)/, "did not answer within the time it was given"),
  complaint(
    /^(42P01|3F000|42703|42883|42P0)/,
    "holds something in the outbox's schema that is not an outbox",
    "OUTBOX_INVALID",
  ),
  complaint(/ENOTFOUND|EAI_AGAIN/, "cannot be found: its host name is not known"),
  complaint(/ECONNREFUSED|ENOENT/, "does not listen"),
  complaint(/pool after calling end/, "cannot be reached: the pool was ended"),
  complaint(/timed? ?out|ETIMEDOUT/i, "did not answer in time"),
  complaint(/CERT|certificate|SSL|TLS/i, "offers no TLS connection that can be trusted"),
  complaint(/terminated|closed|ECONN|EPIPE|socket/i, "was lost while it was asked"),
];

function complaint(pattern: RegExp, says: string, code: ErrorCode = "OUTBOX_UNAVAILABLE"): Complaint {
  return { pattern, code, says: `The Postgres at % ${says}` };
}

/** Returns a WebhookError. Errors of `pg` may carry what was sent, in details: of them only the message of the cause is kept. */
export function explainPostgresError(error: unknown, address: string): WebhookError {
  if (WebhookError.is(error)) return error;
  const { code, message } = partsOf(error);
  const fitting = complaints.find(({ pattern }) => pattern.test(code) || pattern.test(message));
  const says = fitting?.says ?? "The Postgres at % did not do its part";
  const cause = new Error(code === "" ? message : `${code}: ${message}`);
  return new WebhookError(fitting?.code ?? "OUTBOX_UNAVAILABLE", says.replace("%", address), { cause });
}

/** Tells whether the server undid all of it and may do it when it is asked again: a deadlock, or a serialisation failure. */
export function wasUndone(error: unknown): boolean {
  return /^(40P01|40001)$/.test(partsOf(error).code);
}

/** Tells whether the connection went, so that a new one may do. What was under way may have been done. */
export function isLost(error: unknown): boolean {
  const { code, message } = partsOf(error);
  return (
    /^(57P0|08|25006)/.test(code) || /ECONNRESET|EPIPE|terminated|not queryable/i.test(`${code} ${message}`)
  );
}

/** Tells whether no connection could be made, so that nothing was done. */
export function isAway(error: unknown): boolean {
  const { code } = partsOf(error);
  return /^(57P03|ECONNREFUSED|ENOENT)$/.test(code);
}

/** The lease of this process ran out, and others hold what it held. */
export function isForgotten(error: unknown): boolean {
  return partsOf(error).code === "MW001";
}

function partsOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  // Where a name has several addresses, the failure of each is inside.
  const inner: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (inner !== undefined && (code === undefined || message === "")) return partsOf(inner);
  return { code: typeof code === "string" ? code : "", message: typeof message === "string" ? message : "" };
}
