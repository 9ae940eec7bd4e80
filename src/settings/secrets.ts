/** The secrets of an endpoint: one, or several while one replaces another, each with or without an end. */
import { types } from "node:util";
import { WebhookError } from "../event/errors.ts";
import { Secret, type SecretSetting } from "../event/secret.ts";
import { inPlaces, list, object, oneOrMore } from "./composed.ts";
import { isMapping, kindOf } from "./kind-of.ts";
import { type Setting, unfit } from "./setting.ts";

const plain = "a text that is not empty, with base64 after `whsec_`";

/** One secret without an end. No message shows it. */
export const secretText: Setting<string> = {
  expected: (place) => (place === "code" ? plain : `${plain}; in YAML, digits alone need quotes`),
  code: "SECRET_INVALID",
  read: (value, { place }) => {
    const expected = secretText.expected(place);
    if (typeof value !== "string") return unfit(expected, kindOf(value));
    if (value.trim() === "") return unfit(expected, "an empty secret");
    const around = whatIsAround(value);
    if (around !== undefined) return unfit(`a secret without ${around} around it`, `a secret in ${around}`);
    if (/^v\d\w*,/.test(value)) {
      return unfit("a secret; what begins with `v1,` is a signature that one made", "a signature");
    }
    if (value.startsWith("whsec_") && !isBase64(value.slice(6))) {
      return unfit(expected, `a \`whsec_\` secret that is ${notBase64(value.slice(6))}`);
    }
    if (/^wh[sp]k_/.test(value)) {
      return unfit("a secret for HMAC; `whsk_` and `whpk_` keys sign another scheme", "an ed25519 key");
    }
    return { value };
  },
};

/** What came along when a secret was copied, and is none of its bytes. */
function whatIsAround(secret: string): "blanks" | "quotes" | undefined {
  if (secret.trim() !== secret) return "blanks";
  return /^(["'`]).*\1$/s.test(secret) ? "quotes" : undefined;
}

const instant: Setting<Date | string> = {
  expected: (place) => (place === "code" ? "a Date or a text such as 2027-01-31T00:00:00Z" : "a time"),
  read: (value, { place }) => {
    const reads = (place === "code" || typeof value === "string") && readInstant(value) !== undefined;
    return reads ? { value: value as Date | string } : unfit(instant.expected(place), kindOf(value));
  },
};

const expiring = object<Exclude<SecretSetting, string>>({
  secret: { ...secretText, required: true },
  expiresAt: { ...instant, required: true },
});

const secret: Setting<SecretSetting> = {
  expected: (place) =>
    `${secretText.expected(place)}; or { secret: …, ${place === "code" ? "expiresAt" : "expires_at"}: 2027-01-31T00:00:00Z }`,
  read: (value, site) => {
    const reading = isMapping(value) ? expiring.read(value, site) : secretText.read(value, site);
    // A file shows the place of the whole, so that no line of a secret is pointed at.
    if ("value" in reading || site.place === "code") return reading;
    return unfit(secret.expected(site.place), kindOf(value));
  },
};

/** What an endpoint may be given. */
export const secrets: Setting<SecretSetting | readonly SecretSetting[]> = {
  ...oneOrMore(
    secret,
    inPlaces({
      // That none is left is said where the manager's own secret counts too.
      code: list(secret, "a list of secrets"),
      file: list(secret, "a list of secrets", { min: 1 }),
    }),
  ),
  code: "SECRET_INVALID",
};

/** Throws SECRET_INVALID, showing none. One secret must have no end: without any, nothing could be sent. */
export function hideSecrets(
  id: string,
  settings: SecretSetting | readonly SecretSetting[] | undefined,
): readonly Secret[] {
  const several = settings === undefined ? [] : isOne(settings) ? [settings] : settings;
  if (several.length === 0) throw new WebhookError("SECRET_INVALID", `Endpoint \`${id}\` has no secret`);
  const hidden = several.map((setting) =>
    typeof setting === "string"
      ? new Secret(setting)
      : new Secret(setting.secret, readInstant(setting.expiresAt)),
  );
  if (hidden.every(({ expiresAt }) => expiresAt !== undefined)) {
    throw new WebhookError("SECRET_INVALID", `Every secret of endpoint \`${id}\` expires; one must not`);
  }
  return hidden;
}

/** Reads RFC 3339 to Unix milliseconds; undefined for anything else, such as a time without a zone. */
function readInstant(value: unknown): number | undefined {
  const text =
    typeof value === "string" && readableInstant.test(value)
      ? value
      : types.isDate(value)
        ? Number(value)
        : "";
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

const readableInstant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

function isOne(settings: SecretSetting | readonly SecretSetting[]): settings is SecretSetting {
  return !Array.isArray(settings);
}

/** Others read the base64 of URLs each in another way, or throw: as a key it would verify at few. */
function notBase64(text: string): string {
  const isOfUrls = /[-_]/.test(text) && isBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  return isOfUrls ? "base64 of URLs: write + for - and / for _" : "not base64";
}

/** One character too many stands for no byte. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.replace(/=+$/, "").length % 4 !== 1;
}
