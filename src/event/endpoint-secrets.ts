/** The secrets of an endpoint: one, or several while one replaces another, each with or without an end. */
import { WebhookError } from "./errors.ts";
import { Secret } from "./secret.ts";

interface ExpiringSecret {
  readonly secret: string;
  /** From then on it signs no more. A text is RFC 3339: a date, or a time with its zone. */
  readonly expiresAt: Date | string;
}

export type SecretSetting = string | ExpiringSecret;

/** Throws SECRET_INVALID, showing none. One secret must have no end: without any, nothing could be sent. */
export function checkSecrets(
  id: string,
  settings: SecretSetting | readonly SecretSetting[] | undefined,
): readonly Secret[] {
  const several = settings === undefined ? [] : isOne(settings) ? [settings] : settings;
  if (several.length === 0) throw new WebhookError("SECRET_INVALID", `Endpoint \`${id}\` has no secret`);
  const secrets = several.map((setting) => checkSecret(id, setting));
  if (secrets.every((secret) => secret.expiresAt !== undefined)) {
    throw new WebhookError("SECRET_INVALID", `Every secret of endpoint \`${id}\` expires; one must not`);
  }
  return secrets;
}

/** Reads RFC 3339 to Unix milliseconds; undefined for anything else, such as a time without a zone. */
export function readInstant(value: unknown): number | undefined {
  const text =
    value instanceof Date ? value.getTime() : readableInstant.test(String(value)) ? String(value) : "";
  const instant = new Date(text).getTime();
  return Number.isNaN(instant) ? undefined : instant;
}

const readableInstant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

function isOne(settings: SecretSetting | readonly SecretSetting[]): settings is SecretSetting {
  return typeof settings === "string" || "secret" in settings;
}

function checkSecret(id: string, setting: SecretSetting): Secret {
  if (typeof setting !== "object" || setting === null) return new Secret(checkText(id, setting));
  const expiresAt = readInstant(setting.expiresAt);
  if (expiresAt === undefined) {
    const detail = `Expected \`expiresAt\` of a secret of endpoint \`${id}\` to be a Date or a text such as 2027-01-31T00:00:00Z`;
    throw new WebhookError("SECRET_INVALID", detail);
  }
  return new Secret(checkText(id, setting.secret), expiresAt);
}

/** One character too many stands for no byte. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.replace(/=+$/, "").length % 4 !== 1;
}

function checkText(id: string, text: unknown): string {
  if (typeof text !== "string" || text.trim() === "") {
    throw new WebhookError("SECRET_INVALID", `Endpoint \`${id}\` has an empty secret`);
  }
  if (text.startsWith("whsec_") && !isBase64(text.slice(6))) {
    throw new WebhookError("SECRET_INVALID", `A \`whsec_\` secret of endpoint \`${id}\` is not base64`);
  }
  if (/^wh[sp]k_/.test(text)) {
    const detail = `A secret of endpoint \`${id}\` is an ed25519 key (\`whsk_\`, \`whpk_\`), which signs another scheme`;
    throw new WebhookError("SECRET_INVALID", detail);
  }
  return text;
}
