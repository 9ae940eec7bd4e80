/** Several secrets, some with an end: which of them sign at which time, and which settings are refused. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/settings/read/config.ts";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { Secret } from "../../src/event/secret.ts";
import { doubtsOf } from "../../src/settings/secret-doubts.ts";
import { createSigner } from "../../src/signing/sign.ts";
import { createVerifier } from "../../src/signing/verify.ts";
import { testManager } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const url = "https://ops.example.com/hook";
const old = "canary-the-old-secret";
const fresh = "canary-the-fresh-secret";
const end = "2027-01-31T12:00:00Z";
const endSeconds = Date.parse(end) / 1000;
const body = Buffer.from("{}");

function signedAt(seconds: number, secret: WebhookEndpoint["secret"] & {}) {
  const { secrets, signature } = resolveEndpoint({ url, secret });
  return createSigner(secrets, signature).sign("evt_1", seconds, body);
}

/** Which of the texts made a signature of the header. */
function signersOf(header: string, seconds: number): string[] {
  return [old, fresh].filter((text) =>
    createVerifier([new Secret(text)], "sha256").verifyStandard("evt_1", String(seconds), body, header),
  );
}

describe("a secret with an end", () => {
  it.each([
    ["a Date", new Date(end)],
    ["a text", end],
    ["a text of another zone", "2027-01-31T14:00:00+02:00"],
  ])("given as %s signs until then and no longer", (_, expiresAt) => {
    const secret = [{ secret: old, expiresAt }, fresh];
    const before = signedAt(endSeconds - 1, secret);
    expect(signersOf(before["webhook-signature"], endSeconds - 1)).toEqual([old, fresh]);
    expect(createVerifier([new Secret(old)], "sha256").verifyMova(body, before["X-Mova-Signature"])).toBe(
      true,
    );
    const after = signedAt(endSeconds, secret);
    expect(signersOf(after["webhook-signature"], endSeconds)).toEqual([fresh]);
    expect(after["webhook-signature"].split(" ")).toHaveLength(1);
    expect(createVerifier([new Secret(fresh)], "sha256").verifyMova(body, after["X-Mova-Signature"])).toBe(
      true,
    );
  });

  it("may be over already", () => {
    const header = signedAt(endSeconds, [fresh, { secret: old, expiresAt: "2020-01-01" }])[
      "webhook-signature"
    ];
    expect(signersOf(header, endSeconds)).toEqual([fresh]);
  });

  it("never shows itself", () => {
    const endpoint = resolveEndpoint({ url, secret: [fresh, { secret: old, expiresAt: end }] });
    expect(inspect(endpoint, { depth: 10, showHidden: true }) + JSON.stringify(endpoint)).not.toContain(
      "canary",
    );
  });
});

describe("secrets that are refused", () => {
  it.each([
    ["none at all", [], /has no secret/],
    [
      "one with an end and none without",
      { secret: old, expiresAt: end },
      /Every secret.*expires; one must not/,
    ],
    ["an empty one", [fresh, " "], /empty secret/],
    ["an empty one with an end", [fresh, { secret: "", expiresAt: end }], /empty secret/],
    [
      "an end in words",
      [fresh, { secret: old, expiresAt: "canary tomorrow" }],
      /text such as 2027-01-31T00:00:00Z/,
    ],
    ["an end without a zone", [fresh, { secret: old, expiresAt: "2027-01-31T12:00:00" }], /text such as/],
    ["an end on a day that is none", [fresh, { secret: old, expiresAt: "2027-13-31" }], /text such as/],
    ["an invalid Date", [fresh, { secret: old, expiresAt: new Date(Number.NaN) }], /text such as/],
    ["a character too many after whsec_", "whsec_canaryAAA", /not base64/],
    [
      "base64 of URLs after whsec_",
      "whsec_canary-canary_canaryca",
      /base64 of URLs: write \+ for - and \/ for _/,
    ],
    ["an ed25519 key", "whsk_canary", /ed25519/],
  ] satisfies [string, WebhookEndpoint["secret"], RegExp][])("are %s", (_, secret, message) => {
    const resolve = (): unknown => resolveEndpoint({ url, id: "ops", secret });
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(expect.objectContaining({ code: "SECRET_INVALID" }));
    expect(resolve).not.toThrow(/canary/);
  });
});

/** What `mova-webhooks secret` prints, without its prefix. */
const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

describe("a secret of which it is doubtful that it is meant so", () => {
  const long = "a plain text of more than sixteen bytes";
  it.each([
    ["short", /fewer than 16 bytes/],
    ...["hwsec_", "whsek_", "wsec_", "whsec-", "WHSEC_", "whsec"].map(
      (start) => [start + key, /almost as `whsec_`.*decode it as base64/] as const,
    ),
    [key, /without its prefix.*decode it as base64/],
    ["C2FVsBQIhrscChlQIMV+b5sSYspob7oDkQwTmKbCxmk=", /without its prefix/],
  ] as const)("is warned of at the start: %s", (secret, doubt) => {
    const lines: string[] = [];
    const warn = (_: object, message: string): void => void lines.push(message);
    const ignore = (): void => undefined;
    testManager({
      endpoints: [{ id: "ops", url, secret }],
      logger: { debug: ignore, info: ignore, warn, error: ignore },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^A secret of endpoint `ops` /);
    expect(lines[0]).toMatch(doubt);
    expect(lines[0]).not.toContain(secret);
  });

  it.each([
    `whsec_${key}`,
    long,
    "at-least-sixteen-random-bytes",
    "0123456789abcdef0123456789abcdef0123456789abcdef",
    "secret_of_the_shop_and_its_friends",
    "correcthorsebatterystaplecorrect",
  ])("is not any other: %s", (secret) => {
    expect(doubtsOf(new Secret(secret))).toEqual([]);
  });
});

describe("the configuration file", () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });

  function load(secret: string): ReturnType<typeof loadConfig> {
    const text = `webhook:\n  endpoints:\n    - url: ${url}\n      secret: ${secret}\n`;
    writeFileSync(join(folder, "mova.config.yaml"), text);
    return loadConfig({ cwd: folder, env: { OLD: old } });
  }

  it("trims what it takes from the environment, as a file with a secret is", () => {
    const text = `webhook:\n  endpoints:\n    - url: ${url}\n      secret: \${LINE}\n`;
    writeFileSync(join(folder, "mova.config.yaml"), text);
    const env = { LINE: `${fresh}\r\n`, MOVA_WEBHOOK_SECRET: `${old}\n` };
    const config = loadConfig({ cwd: folder, env });
    expect([config.endpoints[0]?.secret, config.secret]).toEqual([fresh, old]);
  });

  it("takes secrets with an end, also from the environment, and shows none", () => {
    const config = load(`[${fresh}, { secret: "\${OLD}", expires_at: ${end} }]`);
    expect(config.endpoints[0]?.secret).toEqual([fresh, { secret: old, expiresAt: end }]);
    expect(inspect(config, { depth: 10 }) + JSON.stringify(config)).not.toContain("canary");
  });

  it.each([
    `[${fresh}, { secret: ${old}, expires_at: soon }]`,
    `[${fresh}, { secret: ${old} }]`,
    `[${fresh}, { secret: ${old}, expires: ${end} }]`,
    `[${fresh}, { secret: "", expires_at: ${end} }]`,
  ])("refuses %s with its place and without its text", (secret) => {
    expect(() => load(secret)).toThrow(/mova\.config\.yaml:4:\d+: [^]*expires_at: 2027-01-31T00:00:00Z/);
    expect(() => load(secret)).not.toThrow(/canary/);
  });
});
