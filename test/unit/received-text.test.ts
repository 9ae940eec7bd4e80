/** What handlers get beside the parsed event: the JSON that was signed, for what parsing would change. */
import { describe, expect, it } from "vitest";
import { type ReceivedEvent, WebhookReceiver } from "../../src/receiver/receiver.ts";
import { signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";

async function handled(body: string, more: Record<string, string> = {}): Promise<ReceivedEvent[]> {
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  const events: ReceivedEvent[] = [];
  receiver.addHandler("*", (_, event) => events.push(event));
  const signed = signRequest(body);
  expect(await receiver.receive(signed.body, { ...signed.headers, ...more })).toMatchObject({ ok: true });
  return events;
}

const exact = '{"event_type":"order.paid","data":{ "id":9007199254740993, "a":1, "a":1.0 }}';

describe("the text of a received event", () => {
  it("is the body as it was signed, where `data` has numbers as JavaScript holds them", async () => {
    const [event] = await handled(exact);
    expect(event?.text).toBe(exact);
    expect(event?.data).toEqual({ id: 9007199254740992, a: 1 });
  });

  it("is in a batch that of the member alone", async () => {
    const other = '{"event_type":"order.sent","data":"},{\\"]"}';
    const events = await handled(` [ ${exact} ,\n${other}]\n`);
    expect(events.map(({ text }) => text)).toEqual([exact, other]);
  });

  it("is that of the data where the rest stands in headers", async () => {
    const type = { "ce-specversion": "1.0", "ce-type": "order.paid", "ce-id": "1", "ce-source": "/" };
    const [event] = await handled('{"id":9007199254740993}', type);
    expect([event?.event_type, event?.text]).toEqual(["order.paid", '{"id":9007199254740993}']);
  });

  it("makes no log line longer", async () => {
    const [event] = await handled(exact);
    expect(JSON.stringify(event)).not.toContain("text");
    expect(Object.keys(event ?? {})).not.toContain("text");
  });
});

it("data that are null reach handlers as null, and data that are missing as an empty object", async () => {
  const [nothing, missing] = await handled('[{"event_type":"a.b","data":null},{"event_type":"a.b"}]');
  expect([nothing?.data, missing?.data]).toEqual([null, {}]);
});
