/** Which kinds of bodies and headers a receiver reads, and that none is a way around another. */
import { describe, expect, it } from "vitest";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { eventBody, signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";

const data = { key: "user_data_123" };
const time = "2021-02-25T15:02:10Z";
const expected = { id: "evt_1", event_type: "cache.updated", timestamp: time, data };

function receive(
  body: string | Uint8Array,
  more: Record<string, string | undefined> = {},
): ReturnType<WebhookReceiver["receive"]> {
  const signed = signRequest(body);
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  return receiver.receive(signed.body, { ...signed.headers, ...more });
}

const cloudEvent = { specversion: "1.0", id: "a1", source: "/cache", type: "cache.updated", time };
const inHeaders = {
  "ce-specversion": "1.0",
  "ce-id": "a1",
  "ce-source": "/cache",
  "ce-type": "cache.updated",
  "ce-time": time,
};
const kinds: Readonly<Record<string, readonly [body: unknown, headers?: Record<string, string>]>> = {
  "of our own": [JSON.parse(eventBody("cache.updated", data))],
  "of Standard Webhooks": [{ type: "cache.updated", timestamp: time, data }],
  "of Standard Webhooks, with the time as a number": [{ type: "cache.updated", timestamp: signedAtMs, data }],
  "of CloudEvents, structured": [
    { ...cloudEvent, data },
    { "content-type": "application/cloudevents+json; charset=utf-8" },
  ],
  "of CloudEvents, structured, in base64": [
    { ...cloudEvent, data_base64: Buffer.from(JSON.stringify(data)).toString("base64") },
  ],
  "of CloudEvents, binary": [data, inHeaders],
};

describe("a body", () => {
  it.each(Object.entries(kinds))("%s becomes the same event", async (_kind, [body, headers]) => {
    const result = await receive(JSON.stringify(body), headers);
    const event = result.ok ? result.event : undefined;
    const iso = event?.timestamp.replace(".000Z", "Z");
    expect({ ...event, timestamp: iso }).toEqual({ ...expected, source: "mova_sdk", version: "2.2" });
  });

  it("may begin with a byte order mark, as the server takes it", async () => {
    expect(await receive(`\ufeff${eventBody("cache.updated", data)}`)).toMatchObject({
      ok: true,
      event: expected,
    });
  });

  it("of a binary CloudEvent may be a list, a number or empty", async () => {
    for (const [body, data] of [
      ["[1,2]", [1, 2]],
      ["7", 7],
      ["", {}],
    ] as const)
      expect(await receive(body, inHeaders)).toMatchObject({
        ok: true,
        event: { event_type: "cache.updated", data },
      });
    expect(await receive("no JSON", inHeaders)).toMatchObject({ code: "BODY_INVALID" });
  });

  it("in a batch may be of any kind", async () => {
    const result = await receive(
      JSON.stringify([
        { ...cloudEvent, data },
        { type: "cache.updated", timestamp: time, data },
      ]),
    );
    expect(result.ok && result.event.data).toMatchObject([
      { ...expected, id: "evt_1_1" },
      { ...expected, id: "evt_1_2" },
    ]);
  });

  it("that says what it is, is not made another event by headers, which nobody signed", async () => {
    const others = { ...inHeaders, "ce-type": "cache.cleared" };
    for (const body of [
      JSON.parse(eventBody("cache.updated", data)) as object,
      { type: "cache.updated", timestamp: time, data },
      { ...cloudEvent, data },
    ])
      expect(await receive(JSON.stringify(body), others)).toMatchObject({ ok: true, event: expected });
  });

  it("that is no event of any kind is refused", async () => {
    for (const body of [{ type: "cache.updated" }, { specversion: "1.0", data }, { data }])
      expect(await receive(JSON.stringify(body))).toMatchObject({ code: "BODY_INVALID" });
  });
});

describe("headers called svix-*", () => {
  const signed = signRequest(eventBody("cache.updated", data));
  const named = Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.replace("webhook-", "svix-"), value]),
  );
  const judge = (headers: Record<string, string | string[]>): ReturnType<WebhookReceiver["receive"]> =>
    new WebhookReceiver({ secret: testSecret, now: () => signedAtMs }).receive(signed.body, headers);

  it("are read as their webhook-* equals", async () => {
    expect(await judge(named)).toMatchObject({ ok: true, event: expected });
    expect(await judge({ ...named, "svix-timestamp": "1" })).toMatchObject({
      code: "TIMESTAMP_EXPIRED",
      message: expect.stringContaining("svix-timestamp"),
    });
  });

  it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])(
    "are not read where there is a %s, good or not",
    async (name) => {
      for (const value of ["", "wrong", signed.headers[name] ?? ""])
        expect(await judge({ ...named, [name]: value })).toMatchObject({ code: "HEADERS_MISSING" });
    },
  );
});

it("a header that came as a list is refused by its name", async () => {
  for (const list of [["evt_1"], ["evt_1", "evt_2"]]) {
    const signed = signRequest(eventBody("cache.updated", data));
    const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
    const result = await receiver.receive(signed.body, { ...signed.headers, "webhook-id": list });
    expect(result).toMatchObject({
      code: "HEADERS_MISSING",
      message: expect.stringMatching(/one `webhook-id`, got a list/),
    });
  }
});
