/** What a receiver does with a request: verify, recognise, dispatch, answer. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { WebhookEvent } from "../../src/event/webhook-event.ts";
import {
  type DedupeStore,
  memoryStore,
  WebhookReceiver,
  type WebhookReceiverOptions,
} from "../../src/receiver/receiver.ts";
import {
  eventBody,
  signedAtMs,
  signedAtSeconds,
  signRequest,
  testSecret,
} from "../support/signed-request.ts";

function receiverWith(options: Partial<WebhookReceiverOptions> = {}): WebhookReceiver {
  return new WebhookReceiver({ secret: testSecret, now: () => signedAtMs, ...options });
}

function withoutHeaders(headers: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

const request = signRequest(eventBody("cache.updated", { key: "user_data_123" }));

describe("the original's methods", () => {
  it("work as its testing example has them", async () => {
    const receiver = new WebhookReceiver("test-secret");
    const seen: unknown[] = [];
    receiver.addHandler("validation.started", (data) => seen.push(data));
    const payload = JSON.stringify({ event_type: "validation.started", data: { test: "data" } });
    const signature = receiver.generateSignature(payload, receiver.secret);
    const success = await receiver.handleWebhook(payload, signature);
    expect(success).toBe(true);
    expect(seen).toEqual([{ test: "data" }]);
  });

  it("make the signature Python's hmac makes", () => {
    const receiver = new WebhookReceiver("test-secret");
    const payload = '{"event_type": "validation.started", "data": {"test": "data"}}';
    expect(receiver.generateSignature(payload, "test-secret")).toBe(
      "3fb568636c0c9ca43ea021865be2fe427db805e0181e3d9839061161d15b81d7",
    );
    expect(receiver.generateSignature(payload, "test-secret", "sha1")).toBe(
      "184fa99467f3b3a43c00bc8d99bbb0607803b4e5",
    );
    expect(() => receiver.generateSignature(payload, "")).toThrow(
      expect.objectContaining({ code: "SECRET_INVALID" }),
    );
  });

  it("handle the same payload as often as it is given, and take the type from the caller where the body has none", async () => {
    const receiver = new WebhookReceiver("s");
    const types: string[] = [];
    receiver.addHandler("*", (_data, event) => types.push(event.event_type));
    const typed = '{"event_type":"cache.cleared"}';
    const untyped = '{"data":{}}';
    expect(await receiver.handleWebhook(typed, receiver.generateSignature(typed, "s"))).toBe(true);
    expect(await receiver.handleWebhook(typed, receiver.generateSignature(typed, "s"), "cache.cleared")).toBe(
      true,
    );
    expect(
      await receiver.handleWebhook(untyped, receiver.generateSignature(untyped, "s"), "cache.updated"),
    ).toBe(true);
    expect(types).toEqual(["cache.cleared", "cache.cleared", "cache.updated"]);
  });

  it("answer false, without throwing, for what is wrong", async () => {
    const receiver = new WebhookReceiver("s");
    const sign = (payload: string): string => receiver.generateSignature(payload, "s");
    const body = '{"event_type":"cache.cleared"}';
    expect(await receiver.handleWebhook(body, undefined)).toBe(false);
    expect(await receiver.handleWebhook(body, sign(`${body} `))).toBe(false);
    expect(await receiver.handleWebhook(body, receiver.generateSignature(body, "s", "sha1"))).toBe(false);
    expect(await receiver.handleWebhook("[]", sign("[]"), "cache.cleared")).toBe(false);
    expect(await receiver.handleWebhook("{}", sign("{}"))).toBe(false);
    // The type given is not signed, and must not send a signed event to another handler.
    expect(await receiver.handleWebhook(body, sign(body), "cache.updated")).toBe(false);
    expect(await receiver.handleWebhook(JSON.parse(body) as string, sign(body))).toBe(false);
    receiver.addHandler("cache.cleared", () => Promise.reject(new Error("no")));
    expect(await receiver.handleWebhook(body, sign(body))).toBe(false);
  });

  it("verify a signature under any of several secrets", () => {
    const receiver = new WebhookReceiver({ secret: ["new", "old"], signature: "sha1" });
    expect(receiver.secret).toBe("new");
    for (const secret of ["new", "old"]) {
      expect(receiver.verifySignature("{}", receiver.generateSignature("{}", secret, "sha1"))).toBe(true);
    }
    expect(receiver.verifySignature("{}", receiver.generateSignature("{}", "other", "sha1"))).toBe(false);
    expect(receiver.verifySignature("{}", receiver.generateSignature("{}", "new", "sha256"))).toBe(false);
  });
});

describe("a good request", () => {
  it("is answered with its event, whose id is the signed webhook-id", async () => {
    expect(await receiverWith().receive(request.body, request.headers)).toEqual({
      ok: true,
      duplicate: false,
      event: {
        id: "evt_1",
        event_type: "cache.updated",
        timestamp: "2021-02-25T15:02:10Z",
        data: { key: "user_data_123" },
        source: "mova_sdk",
        version: "2.2",
      },
    });
  });

  it("may come as text, as an ArrayBuffer, with fetch headers, and with names in any case", async () => {
    const text = request.body.toString();
    const upper = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    const arrayBuffer = Uint8Array.from(request.body).buffer;
    expect((await receiverWith().receive(text, upper)).ok).toBe(true);
    expect((await receiverWith().receive(arrayBuffer, new Headers(request.headers))).ok).toBe(true);
  });

  it("calls the handlers for its exact type, for patterns that cover it and for all, each once", async () => {
    const receiver = receiverWith();
    const calls: string[] = [];
    const twice = (): number => calls.push("twice");
    receiver.addHandler("cache.updated", (data: { key: string }, event) =>
      calls.push(`exact ${data.key} ${event.id}`),
    );
    receiver.addHandler("cache.*", () => calls.push("pattern"));
    receiver.addHandler("*", () => calls.push("all"));
    receiver.addHandler("cache.cleared", () => calls.push("other type"));
    receiver.addHandler("cach.*", () => calls.push("other prefix"));
    receiver.addHandler("cache.*", twice);
    receiver.addHandler("*", twice);
    receiver.addHandler("*", () => calls.push("removed"))();
    await receiver.receive(request.body, request.headers);
    expect(calls).toEqual(["exact user_data_123 evt_1", "pattern", "twice", "all"]);
  });

  it("is good under any of several secrets, and for the tolerance exactly", async () => {
    const { body, headers } = signRequest(eventBody("cache.updated"), { secret: ["old"] });
    for (const aheadSeconds of [300, -300]) {
      const now = (): number => (signedAtSeconds + aheadSeconds) * 1000;
      expect((await receiverWith({ secret: ["new", "old"], now }).receive(body, headers)).ok).toBe(true);
    }
  });
});

describe("a bad request", () => {
  const standard = ["webhook-id", "webhook-timestamp", "webhook-signature"];
  const array = signRequest("[]");
  const notUtf8 = signRequest(Buffer.from(eventBody("cache.updated", "\u00ff"), "latin1"));
  const untyped = signRequest('{"data":{}}');
  const cases: readonly [string, unknown, unknown, string, number][] = [
    ["no headers", request.body, {}, "HEADERS_MISSING", 401],
    [
      "only the weaker signature",
      request.body,
      withoutHeaders(request.headers, ...standard),
      "HEADERS_MISSING",
      401,
    ],
    ["one header twice", request.body, { ...request.headers, "Webhook-Id": "evt_1" }, "HEADERS_MISSING", 401],
    [
      "another secret",
      request.body,
      signRequest(request.body, { secret: "other" }).headers,
      "SIGNATURE_INVALID",
      401,
    ],
    [
      "a changed body",
      Buffer.concat([request.body, Buffer.from(" ")]),
      request.headers,
      "SIGNATURE_INVALID",
      401,
    ],
    [
      "milliseconds",
      request.body,
      { ...request.headers, "webhook-timestamp": `${signedAtMs}` },
      "TIMESTAMP_INVALID",
      400,
    ],
    [
      "an old time",
      request.body,
      signRequest(request.body, { timestamp: signedAtSeconds - 301 }).headers,
      "TIMESTAMP_EXPIRED",
      401,
    ],
    [
      "a future time",
      request.body,
      signRequest(request.body, { timestamp: signedAtSeconds + 301 }).headers,
      "TIMESTAMP_EXPIRED",
      401,
    ],
    [
      "a content coding",
      request.body,
      { ...request.headers, "content-encoding": "gzip" },
      "BODY_ENCODED",
      415,
    ],
    [
      "another content type",
      request.body,
      { ...request.headers, "content-type": "text/plain" },
      "BODY_ENCODED",
      415,
    ],
    ["bytes that are not UTF-8", notUtf8.body, notUtf8.headers, "BODY_INVALID", 400],
    ["an array as body", array.body, array.headers, "BODY_INVALID", 400],
    ["no event type", untyped.body, untyped.headers, "BODY_INVALID", 400],
    ["a large body", Buffer.alloc(1_048_577), request.headers, "BODY_TOO_LARGE", 413],
    ["a large text", "é".repeat(524_289), request.headers, "BODY_TOO_LARGE", 413],
    ["a parsed body", JSON.parse(request.body.toString()), request.headers, "BODY_PARSED", 500],
    ["no body", undefined, request.headers, "BODY_PARSED", 500],
  ];

  it.each(cases)(
    "with %s is refused and its message says what helps",
    async (_name, body, headers, code, status) => {
      const receiver = receiverWith();
      let handled = false;
      receiver.addHandler("*", () => (handled = true));
      const result = await receiver.receive(body as Buffer, headers as Record<string, string>);
      expect(result).toMatchObject({ ok: false, code, status });
      if (result.ok) throw new Error("refused above");
      expect(result.message).toMatch(/^[A-Z][^]+\.$/);
      expect(result.message).not.toContain("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
      expect(result.message).not.toContain("user_data_123");
      expect(handled).toBe(false);
    },
  );

  it("does not change what the next request gets", async () => {
    const receiver = receiverWith();
    await receiver.receive(request.body, { ...request.headers, "webhook-signature": "v1,AAAA" });
    expect(await receiver.receive(request.body, request.headers)).toMatchObject({
      ok: true,
      duplicate: false,
    });
  });
});

describe("what is required", () => {
  const { body } = request;
  const standardOnly = withoutHeaders(request.headers, "x-mova-signature");
  const movaOnly = { "x-mova-signature": request.headers["x-mova-signature"] ?? "" };
  const wrongMova = { ...request.headers, "x-mova-signature": "0".repeat(64) };
  const wrongStandard = { ...request.headers, "webhook-signature": "v1,AAAA" };

  it.each([
    ["standard", true, false, true, false],
    ["mova", false, true, false, true],
    ["both", false, false, false, false],
  ] as const)("by %s decides, whatever else is there or left out", async (require, ...expected) => {
    const results = [];
    for (const headers of [standardOnly, movaOnly, wrongMova, wrongStandard]) {
      results.push((await receiverWith({ require }).receive(body, headers)).ok);
    }
    expect(results).toEqual(expected);
    expect((await receiverWith({ require }).receive(body, request.headers)).ok).toBe(true);
  });

  it("may be an X-Mova-Signature with SHA-1, where the receiver says so", async () => {
    const sha1 = signRequest(body, { algorithm: "sha1" }).headers;
    expect((await receiverWith({ require: "mova", signature: "sha1" }).receive(body, sha1)).ok).toBe(true);
    expect((await receiverWith({ require: "mova" }).receive(body, sha1)).ok).toBe(false);
  });

  it("with X-Mova-Signature alone, a repetition is known by its signed body, whatever id it claims", async () => {
    const receiver = receiverWith({ require: "mova" });
    const first = await receiver.receive(body, {
      ...movaOnly,
      "webhook-id": "evt_1",
      "x-mova-delivery": "1",
    });
    const again = await receiver.receive(body, {
      ...movaOnly,
      "webhook-id": "evt_2",
      "x-mova-delivery": "2",
    });
    expect([first, again]).toMatchObject([
      { ok: true, duplicate: false },
      { ok: true, duplicate: true },
    ]);
    expect(first.ok && first.event.id).toMatch(/^body_[0-9a-f]{40}$/);
  });
});

describe("an event that is sent again", () => {
  it("is handled again when a handler failed, and its other handlers ran all the same", async () => {
    const receiver = receiverWith();
    const failure = new Error("database is away");
    const outcomes = [() => Promise.reject(failure), () => undefined];
    let others = 0;
    receiver.addHandler("cache.*", () => outcomes.shift()?.());
    receiver.addHandler("*", () => (others += 1));
    const { body, headers } = request;
    expect(await receiver.receive(body, headers)).toMatchObject({
      ok: false,
      code: "HANDLER_FAILED",
      status: 500,
      cause: failure,
    });
    expect(await receiver.receive(body, headers)).toMatchObject({ ok: true, duplicate: false });
    expect(await receiver.receive(body, headers)).toMatchObject({ ok: true, duplicate: true });
    expect(others).toBe(2);
  });

  it("while it is being handled is asked to come again, because that may still fail", async () => {
    const receiver = receiverWith();
    let fail = (): void => {};
    receiver.addHandler(
      "*",
      () => new Promise((_resolve, reject) => (fail = () => reject(new Error("late failure")))),
    );
    const first = receiver.receive(request.body, request.headers);
    await Promise.resolve();
    const second = await receiver.receive(request.body, request.headers);
    expect(second).toMatchObject({ ok: false, code: "EVENT_IN_PROGRESS", status: 503 });
    fail();
    expect(await first).toMatchObject({ ok: false, code: "HANDLER_FAILED" });
  });

  it("is refused for now when the store cannot tell", async () => {
    const away: DedupeStore = { claim: () => Promise.reject(new Error("ECONNREFUSED")) };
    const result = await receiverWith({ store: away }).receive(request.body, request.headers);
    expect(result).toMatchObject({ ok: false, code: "STORE_UNAVAILABLE", status: 503 });
  });

  it("a store that fails after the handlers ran does not undo them", async () => {
    const failing = () => Promise.reject(new Error("ECONNRESET"));
    const logged: object[] = [];
    const log = (fields: object): void => void logged.push(fields);
    const store: DedupeStore = {
      claim: async () => ({ state: "claimed", complete: failing, release: failing }),
    };
    const receiver = receiverWith({ store, logger: { debug: log, info: log, warn: log, error: log } });
    expect((await receiver.receive(request.body, request.headers)).ok).toBe(true);
    expect(logged).toMatchObject([{ err: { message: "ECONNRESET" }, eventId: "evt_1" }]);
  });
});

describe("a receiver", () => {
  it.each([
    [" a secret of enough bytes", "a secret without blanks around it, got a secret in blanks"],
    ["a secret of enough bytes\n", "a secret without blanks around it, got a secret in blanks"],
    ['"whsec_c2VjcmV0"', "a secret without quotes around it, got a secret in quotes"],
    ["'a secret of enough bytes'", "a secret without quotes around it, got a secret in quotes"],
    ["v1,c2lnbmF0dXJl", "a secret; what begins with `v1,` is a signature that one made, got a signature"],
  ])("is told what is wrong with the secret %j, and shows nothing of it", (secret, reason) => {
    for (const given of [secret, ["good", secret]]) {
      const attempt = () => new WebhookReceiver({ secret: given });
      expect(attempt).toThrow(expect.objectContaining({ code: "SECRET_INVALID" }));
      expect(attempt).toThrow(reason);
      expect(attempt).not.toThrow(secret.trim());
    }
  });

  it.each([
    [{ secret: "" }, "SECRET_INVALID"],
    [{ secret: [] }, "SECRET_INVALID"],
    [{ secret: ["good", ""] }, "SECRET_INVALID"],
    [{}, "SECRET_INVALID"],
    [{ secret: "s", require: "any" }, "CONFIG_INVALID"],
    [{ secret: "s", signature: "md5" }, "CONFIG_INVALID"],
    [{ secret: "s", tolerance: Number.NaN }, "CONFIG_INVALID"],
    [{ secret: "s", tolerance: 300_000 }, "CONFIG_INVALID"],
    [{ secret: "s", maxBytes: 0 }, "CONFIG_INVALID"],
  ])("is not made from %j", (options, code) => {
    expect(() => new WebhookReceiver(options as WebhookReceiverOptions)).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it("refuses a handler for what is no event type or pattern", () => {
    expect(() => receiverWith().addHandler("cache", () => {})).toThrow(
      expect.objectContaining({ code: "EVENT_TYPE_UNKNOWN" }),
    );
    expect(() => receiverWith().addHandler("cache.*.x", () => {})).toThrow(
      expect.objectContaining({ code: "EVENT_TYPE_UNKNOWN" }),
    );
  });

  it("never shows its secret", () => {
    const shown = inspect(receiverWith(), { depth: 9, showHidden: true }) + JSON.stringify(receiverWith());
    expect(shown).not.toContain("MfKQ9r8GKYqr");
  });

  it("handles no captured request twice while it is genuine, however many events came meanwhile", async () => {
    let nowMs = signedAtMs;
    const now = (): number => nowMs;
    const receiver = receiverWith({ now, store: memoryStore({ now, maxEvents: 10 }) });
    const early = signRequest(request.body, { id: "evt_early", timestamp: signedAtSeconds + 300 });
    expect(await receiver.receive(early.body, early.headers)).toMatchObject({ ok: true, duplicate: false });
    for (let number = 0; number < 100; number += 1) {
      const other = signRequest(request.body, { id: `evt_${number}` });
      expect(await receiver.receive(other.body, other.headers)).toMatchObject({ ok: true, duplicate: false });
    }
    nowMs += 600_999;
    expect(await receiver.receive(early.body, early.headers)).toMatchObject({ ok: true, duplicate: true });
    nowMs += 1;
    expect(await receiver.receive(early.body, early.headers)).toMatchObject({ code: "TIMESTAMP_EXPIRED" });
  });

  it("forgets an event in memory after its retention", async () => {
    let nowMs = signedAtMs;
    const now = (): number => nowMs;
    const receiver = receiverWith({ now, store: memoryStore({ now, retention: 60 }) });
    const events: WebhookEvent[] = [];
    receiver.addHandler("*", (_data, event) => events.push(event));
    await receiver.receive(request.body, request.headers);
    nowMs += 59_999;
    await receiver.receive(request.body, request.headers);
    expect(events).toHaveLength(1);
    nowMs += 1;
    await receiver.receive(request.body, request.headers);
    expect(events).toHaveLength(2);
  });
});
