/** A receiver never throws whatever it is given, and no change to a signed request verifies. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { Secret } from "../../src/event/secret.ts";
import { memoryStore, type RequiredSignature, WebhookReceiver } from "../../src/receiver/receiver.ts";
import { verifyRequest } from "../../src/receiver/verification.ts";
import { createVerifier } from "../../src/signing/verify.ts";
import {
  eventBody,
  type SignedRequest,
  signedAtMs,
  signedAtSeconds,
  signRequest,
  testSecret,
} from "../support/signed-request.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 100_000);

const good = signRequest(eventBody("cache.updated", { key: "schlüssel" }));
const codes = [
  ...["HEADERS_MISSING", "SIGNATURE_INVALID", "TIMESTAMP_EXPIRED", "TIMESTAMP_INVALID", "BODY_INVALID"],
  ...["BODY_TOO_LARGE", "BODY_ENCODED", "BODY_PARSED"],
];

function pick<T>(...values: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values);
}

const headerNames = [...Object.keys(good.headers), "content-encoding", "Webhook-Id", "__proto__", "get"];
const headerValue = fc.oneof(
  pick(...Object.values(good.headers)),
  fc.string({ unit: "binary" }),
  fc.anything(),
);
const headers = fc.oneof(
  fc.dictionary(pick(...headerNames), headerValue),
  fc.record(
    Object.fromEntries(
      Object.entries(good.headers).map(([name, value]) => [name, fc.oneof(fc.constant(value), headerValue)]),
    ),
  ),
  fc.constant(new Headers(good.headers)),
  fc.anything(),
);
const body = fc.oneof(
  fc.constant(good.body),
  fc.uint8Array(),
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.anything(),
);

describe("whatever is given", () => {
  it("receive answers with a typed result and no 5xx for what is not a parsed body", async () => {
    const receivers = (["standard", "mova", "both"] as const).map(
      (require) =>
        new WebhookReceiver({
          secret: testSecret,
          require,
          now: () => signedAtMs,
          store: memoryStore({ maxEvents: 1 }),
        }),
    );
    const receiver = pick(...receivers);
    await fc.assert(
      fc.asyncProperty(receiver, body, headers, async (one, rawBody, given) => {
        const result = await one.receive(rawBody as Buffer, given as Record<string, string>);
        if (result.ok) return result.event.event_type === "cache.updated";
        return codes.includes(result.code) && (result.code === "BODY_PARSED" || result.status < 500);
      }),
      { numRuns },
    );
  });

  it("signed bodies of any JSON and any bytes become an event or BODY_INVALID", async () => {
    const receiver = new WebhookReceiver({
      secret: testSecret,
      now: () => signedAtMs,
      store: memoryStore({ maxEvents: 1 }),
    });
    receiver.addHandler("*", () => {});
    const event = fc.record(
      {
        event_type: fc.anything(),
        data: fc.jsonValue(),
        timestamp: fc.jsonValue(),
        __proto__: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const bodies = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      event.map((fields) => Buffer.from(safeJson(fields))),
    );
    await fc.assert(
      fc.asyncProperty(bodies, fc.nat(), async (bytes, id) => {
        const signed = signRequest(bytes, { id: `evt_${id}` });
        const result = await receiver.receive(signed.body, signed.headers);
        return result.ok || result.code === "BODY_INVALID";
      }),
      { numRuns },
    );
  });

  it("handleWebhook answers true or false", async () => {
    const receiver = new WebhookReceiver(testSecret);
    const signature = fc.oneof(
      fc.constant(good.headers["x-mova-signature"]),
      fc.string({ unit: "binary" }),
      fc.anything(),
    );
    await fc.assert(
      fc.asyncProperty(body, signature, fc.anything(), async (payload, given, type) => {
        return (
          typeof (await receiver.handleWebhook(payload as string, given as string, type as string)) ===
          "boolean"
        );
      }),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });
});

/** Any values, written as JSON where they can be. */
function safeJson(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? `${inner}` : inner)) ?? ""
    );
  } catch {
    return "{}";
  }
}

describe("no change to a signed request verifies", () => {
  const secrets = [testSecret, "an older secret, für alle"];
  const verifier = createVerifier(
    secrets.map((text) => new Secret(text)),
    "sha256",
  );
  const verifies = (require: RequiredSignature, request: SignedRequest): boolean =>
    verifyRequest(
      { verifier, require, toleranceSeconds: 300, maxBytes: 1_048_576 },
      request.body,
      request.headers,
      signedAtMs,
    ).ok;

  const request = fc
    .record({
      bytes: fc.uint8Array({ maxLength: 200 }),
      id: fc.stringMatching(/^[\w-]{1,40}$/),
      secret: pick(...secrets),
    })
    .map(({ bytes, id, secret }) => signRequest(bytes, { id, secret }));
  const place = fc.nat({ max: 1_000_000 });

  /** Changes one byte, takes one out or puts one in; never gives back what it got. */
  const bytesEdit = fc.record({
    kind: pick("change", "remove", "insert"),
    at: place,
    by: fc.integer({ min: 1, max: 255 }),
  });
  type Edit = { kind: string; at: number; by: number };
  function editBytes(bytes: Buffer, { kind, at, by }: Edit): Buffer {
    if (kind === "insert" || bytes.length === 0) {
      const cut = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, cut), Buffer.from([by]), bytes.subarray(cut)]);
    }
    const index = at % bytes.length;
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ by;
    return kind === "change" ? changed : Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
  }

  /** The same on a text, without blanks: those separate signatures and change none. */
  const character = fc
    .string({ unit: "binary", minLength: 1, maxLength: 1 })
    .filter((text) => text.trim() !== "");
  const textEdit = fc.record({ kind: pick("change", "remove", "insert", "case"), at: place, by: character });
  type TextEdit = { kind: string; at: number; by: string };
  function editText(text: string, { kind, at, by }: TextEdit): string {
    const index = at % text.length;
    const [before, own, after] = [text.slice(0, index), text[index] ?? "", text.slice(index + 1)];
    if (kind === "insert") return before + by + own + after;
    if (kind === "remove") return before + after;
    if (kind === "change") return before + by + after;
    return before + (own === own.toLowerCase() ? own.toUpperCase() : own.toLowerCase()) + after;
  }

  it("while every unchanged request does", () => {
    fc.assert(
      fc.property(request, pick<RequiredSignature>("standard", "mova", "both"), (one, require) =>
        verifies(require, one),
      ),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });

  it("of its body", () => {
    fc.assert(
      fc.property(
        request,
        bytesEdit,
        pick<RequiredSignature>("standard", "mova", "both"),
        (one, edit, require) => {
          return !verifies(require, { ...one, body: editBytes(one.body, edit) });
        },
      ),
      { numRuns },
    );
  });

  const signed = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;
  it.each([
    ["standard", signed],
    ["mova", ["x-mova-signature"]],
    ["both", [...signed, "x-mova-signature"]],
  ] as const)("of a header, where %s is required", (require, names) => {
    fc.assert(
      fc.property(request, pick<string>(...names), textEdit, (one, name, edit) => {
        const value = one.headers[name] ?? "";
        const changed = editText(value, edit);
        fc.pre(changed !== value);
        return !verifies(require, { ...one, headers: { ...one.headers, [name]: changed } });
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });

  it("by moving bytes between id, time and body", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[\w-]{1,10}$/),
        fc.integer({ min: -300, max: 300 }),
        fc.json(),
        (id, offset, text) => {
          const inner = signedAtSeconds + offset;
          const one = signRequest(`${inner}.${text}`, { id });
          const moved = {
            ...one.headers,
            "webhook-id": `${id}.${signedAtSeconds}`,
            "webhook-timestamp": `${inner}`,
          };
          return (
            verifies("standard", one) && !verifies("standard", { body: Buffer.from(text), headers: moved })
          );
        },
      ),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });
});
