/** What is signed: Standard Webhooks vectors both ways, the original's signature, and keys that are refused. */
import { readFileSync } from "node:fs";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Secret } from "../../src/event/secret.ts";
import { createSigningKey, generateSecret } from "../../src/signing/key.ts";
import { createSigner } from "../../src/signing/sign.ts";
import { createVerifier } from "../../src/signing/verify.ts";

interface Vector {
  readonly name: string;
  readonly secret: string;
  readonly id: string;
  readonly timestamp: number;
  readonly payload: string;
  readonly signature: string;
}
interface Vectors {
  readonly symmetric_v1: readonly Vector[];
  readonly multi_signature_header: { readonly valid: string };
  readonly invalid_signatures: readonly { readonly signature: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../fixtures/standard-webhooks-vectors.json", import.meta.url), "utf8"),
) as Vectors;
const canonical = vectors.symmetric_v1[0] as Vector;

/**
 * Standard Webhooks takes a secret without `whsec_` as base64, too. Here it is a text as it stands, because the
 * original's users have such secrets: written with the prefix, both rules agree.
 */
function withPrefix(secret: string): Secret {
  return new Secret(secret.startsWith("whsec_") ? secret : `whsec_${secret}`);
}

describe("Standard Webhooks vectors", () => {
  it.each(vectors.symmetric_v1)(
    "signs as published: $name",
    ({ secret, id, timestamp, payload, signature }) => {
      const signer = createSigner([withPrefix(secret)], "sha256");
      expect(signer.sign(id, timestamp, Buffer.from(payload))["webhook-signature"]).toBe(signature);
    },
  );

  it.each(vectors.symmetric_v1)(
    "verifies as published: $name",
    ({ secret, id, timestamp, payload, signature }) => {
      const verifier = createVerifier([withPrefix(secret)], "sha256");
      const body = Buffer.from(payload);
      expect(verifier.verifyStandard(id, String(timestamp), body, signature)).toBe(true);
      expect(verifier.verifyStandard(id, String(timestamp + 1), body, signature)).toBe(false);
      expect(verifier.verifyStandard(`${id}x`, String(timestamp), body, signature)).toBe(false);
      expect(verifier.verifyStandard(id, String(timestamp), Buffer.from(`${payload} `), signature)).toBe(
        false,
      );
    },
  );

  it("takes a secret without whsec_ as UTF-8 text, not as base64", () => {
    const base64 = canonical.secret.slice("whsec_".length);
    const signed = createSigner([new Secret(base64)], "sha256").sign(
      canonical.id,
      canonical.timestamp,
      Buffer.from(canonical.payload),
    );
    const asRawText = new StandardWebhook(base64, { format: "raw" });
    expect(signed["webhook-signature"]).toBe(
      asRawText.sign(canonical.id, new Date(canonical.timestamp * 1000), canonical.payload),
    );
    expect(signed["webhook-signature"]).not.toBe(canonical.signature);
  });

  it("finds the right one in a list of signatures", () => {
    const verifier = createVerifier([new Secret(canonical.secret)], "sha256");
    const check = (signatures: string): boolean =>
      verifier.verifyStandard(
        canonical.id,
        String(canonical.timestamp),
        Buffer.from(canonical.payload),
        signatures,
      );
    expect(check(vectors.multi_signature_header.valid)).toBe(true);
    expect(check(vectors.multi_signature_header.valid.replaceAll("v1,g0h", "v1,G0h"))).toBe(false);
    expect(check(canonical.signature.padStart(2048))).toBe(true);
    expect(check(canonical.signature.padStart(2049))).toBe(false);
  });

  it.each(vectors.invalid_signatures)("refuses $signature", ({ signature }) => {
    const verifier = createVerifier([new Secret(canonical.secret)], "sha256");
    const body = Buffer.from(canonical.payload);
    expect(verifier.verifyStandard(canonical.id, String(canonical.timestamp), body, signature)).toBe(false);
  });
});

describe("published libraries", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("verify what is signed, under each of several secrets", () => {
    vi.useFakeTimers({ now: canonical.timestamp * 1000, toFake: ["Date"] });
    const texts = [canonical.secret, generateSecret(), "a plain secret, für alle"];
    const body = '{"event_type":"cache.updated","data":{"schlüssel":"日本"}}';
    const signed = createSigner(
      texts.map((text) => new Secret(text)),
      "sha256",
    ).sign("evt_1", canonical.timestamp, Buffer.from(body));
    const headers = {
      "webhook-id": "evt_1",
      "webhook-timestamp": String(canonical.timestamp),
      "webhook-signature": signed["webhook-signature"],
    };
    for (const text of texts) {
      const plain = !text.startsWith("whsec_");
      const options = plain ? ({ format: "raw" } as const) : {};
      const key = plain ? Buffer.from(text) : text;
      for (const Webhook of [StandardWebhook, SvixWebhook]) {
        expect(new Webhook(key, options).verify(body, headers)).toEqual(JSON.parse(body));
        expect(() => new Webhook(key, options).verify(`${body} `, headers)).toThrow(
          "No matching signature found",
        );
      }
    }
  });
});

describe("X-Mova-Signature", () => {
  // Computed by Python's hmac as the original documents it, over the secret's and the payload's UTF-8 bytes.
  const payload = '{"event_type": "cache.updated", "data": {"ключ": "日本"}}';
  it.each([
    ["test-secret", "sha256", "91924ad5636ef58f02cf28bd54052830393bf96aff44120652f41e23257511e3"],
    ["test-secret", "sha1", "d288837962f1bb53b02b994da2f9da1541a3351a"],
    [
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "sha256",
      "69b82b730ed76a84b59909a6df105ae0f235cf2c82ae3d67dd0a5b606cc40ec7",
    ],
    ["пароль", "sha256", "27a5800a68da4f6861a04ac3a93ec8b08b837725ff63fa6fda8cee3c4f2e9c5d"],
    ["пароль", "sha1", "b722db4ee9256581bd268b2606b9d1d64d88bbec"],
  ] as const)("is what Python makes of %s with %s", (secret, algorithm, expected) => {
    const body = Buffer.from(payload);
    const signed = createSigner([new Secret(secret), new Secret("older")], algorithm).sign("evt_1", 1, body);
    expect(signed["X-Mova-Signature"]).toBe(expected);
    const verifier = createVerifier([new Secret("newer"), new Secret(secret)], algorithm);
    expect(verifier.verifyMova(body, expected)).toBe(true);
    expect(verifier.verifyMova(body, expected.toUpperCase())).toBe(false);
    expect(verifier.verifyMova(body, "")).toBe(false);
    expect(
      createVerifier([new Secret(secret)], algorithm === "sha1" ? "sha256" : "sha1").verifyMova(
        body,
        expected,
      ),
    ).toBe(false);
  });
});

describe("keys", () => {
  it.each([
    ["", "empty"],
    ["  ", "empty"],
    ["whsec_", "not base64"],
    ["whsec_%", "not base64"],
    ["whsec_w", "not base64"],
    ["whsec_abc def", "not base64"],
    ["whsec_====", "not base64"],
    ["whsec_YQ=YQ", "not base64"],
    ["whsec_YQ==YQ==", "not base64"],
    ["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", "ed25519"],
    ["whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfV", "ed25519"],
  ])("refuse the secret %j: %s", (text, why) => {
    const build = (): unknown => createSigningKey(new Secret(text));
    expect(build).toThrow(
      expect.objectContaining({ code: "SECRET_INVALID", message: expect.stringContaining(why) }),
    );
  });

  it("are those of the bytes, with base64 padding or without, and of prefixes only where they stand first", () => {
    const bytesOf = (text: string): string =>
      createSigningKey(new Secret(text)).standard.export().toString("latin1");
    expect(["whsec_YQ==", "whsec_YQ", "whsec_YWI="].map(bytesOf)).toEqual(["a", "a", "ab"]);
    expect(bytesOf("my whpk_ secret")).toBe("my whpk_ secret");
  });

  it("do not show the secret they refuse", () => {
    const build = (): unknown => createSigningKey(new Secret("whsec_correct horse battery"));
    expect(build).toThrow("is not base64");
    expect(build).not.toThrow("horse");
  });

  it("refuse to sign and to verify with none", () => {
    for (const build of [createSigner, createVerifier]) {
      expect(() => build([], "sha256")).toThrow(
        expect.objectContaining({ code: "SECRET_INVALID", message: expect.stringContaining("no secret") }),
      );
    }
  });

  it("are generated with 32 random bytes", () => {
    const [one, other] = [generateSecret(), generateSecret()];
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one).not.toBe(other);
    expect(createSigningKey(new Secret(one)).standard.symmetricKeySize).toBe(32);
  });
});

describe("signing", () => {
  const signer = createSigner([new Secret("s")], "sha256");
  it.each(["", "a.1614265330"])(
    "refuses the id %j, which would let the signed text be cut elsewhere",
    (id) => {
      expect(() => signer.sign(id, 1, Buffer.alloc(0))).toThrow(
        expect.objectContaining({
          code: "EVENT_ID_INVALID",
          message: expect.stringContaining("without a dot"),
        }),
      );
    },
  );
  it("takes the timestamp 0, and nothing once every secret has expired", () => {
    const dated = createSigner([new Secret("s", 2000)], "sha256");
    expect(dated.sign("a", 0, Buffer.alloc(0))).toEqual(signer.sign("a", 0, Buffer.alloc(0)));
    expect(() => dated.sign("a", 2, Buffer.alloc(0))).toThrow(
      expect.objectContaining({ code: "SECRET_INVALID", message: expect.stringContaining("expired") }),
    );
  });
  it.each([1.5, -1, Number.NaN, 1e300])("refuses the timestamp %d", (timestamp) => {
    expect(() => signer.sign("a", timestamp, Buffer.alloc(0))).toThrow(
      expect.objectContaining({
        code: "TIMESTAMP_INVALID",
        message: expect.stringContaining("whole Unix seconds"),
      }),
    );
  });
});
