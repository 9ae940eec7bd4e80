import { describe, expect, it } from "vitest";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import type { TransformedEvent } from "../../src/event/sending-settings.ts";
import { createWebhookEvent } from "../../src/event/webhook-event.ts";
import { RoutingTable } from "../../src/routing/routing-table.ts";
import { transform } from "../../src/routing/transform.ts";
import { cloudEventsBinary, cloudEventsStructured, discord, slack } from "../../src/transforms/index.ts";

const event = createWebhookEvent({
  type: "cache.updated",
  id: "evt_1",
  data: { key: "user_data_123", size: 512 },
  occurredAt: Date.parse("2026-01-02T03:04:05.678Z"),
});

function bodyOf({ body }: TransformedEvent): Record<string, unknown> {
  if (typeof body === "string" || body instanceof Uint8Array) throw new Error("Expected an object");
  return body as Record<string, unknown>;
}

describe("CloudEvents", () => {
  it("structured has attributes and data in one body", () => {
    const made = cloudEventsStructured({ typePrefix: "com.example." })(event);
    expect(bodyOf(made)).toEqual({
      specversion: "1.0",
      id: "evt_1",
      source: "mova_sdk",
      type: "com.example.cache.updated",
      time: "2026-01-02T03:04:05.678Z",
      datacontenttype: "application/json",
      data: { key: "user_data_123", size: 512 },
    });
    expect(made.headers).toEqual({ "content-type": "application/cloudevents+json; charset=UTF-8" });
  });

  it("binary has the data as body and the attributes in headers, percent-encoded", () => {
    const made = cloudEventsBinary({ source: '/straße 1/"100%"' })(event);
    expect(made).toEqual({
      body: '{"key":"user_data_123","size":512}',
      headers: {
        "ce-specversion": "1.0",
        "ce-id": "evt_1",
        "ce-source": "/stra%C3%9Fe%201/%22100%25%22",
        "ce-type": "cache.updated",
        "ce-time": "2026-01-02T03:04:05.678Z",
        "content-type": "application/json",
      },
    });
  });
});

describe("chat messages", () => {
  const tricky = createWebhookEvent({
    type: "error.occurred",
    data: { text: "<!channel> & ```@everyone```" },
    occurredAt: 0,
  });
  const long = createWebhookEvent({ type: "error.occurred", data: "😀".repeat(5000), occurredAt: 0 });

  it("for Slack name the type and show the data, without a mention or a link from it", () => {
    expect(bodyOf(slack()(event))).toEqual({
      text: '*cache.updated*\n```\n{\n  "key": "user_data_123",\n  "size": 512\n}\n```',
    });
    const text = String(bodyOf(slack()(tricky))["text"]);
    expect(text).toContain("&lt;!channel&gt; &amp; ");
    expect(text).not.toMatch(/<|>|&(?!lt;|gt;|amp;)/);
  });

  it("for Discord mention nobody, and keep the data in its fence", () => {
    const body = bodyOf(discord()(tricky));
    expect(body["allowed_mentions"]).toEqual({ parse: [] });
    expect(String(body["content"]).split("```")).toHaveLength(3);
  });

  it("are cut to what the chat takes, between characters", () => {
    const lengths = [slack()(long), discord()(long)].map((made) => {
      const { text, content } = bodyOf(made);
      const message = String(text ?? content);
      expect(Buffer.from(message).toString()).toBe(message);
      expect(message.endsWith("…\n```")).toBe(true);
      return message.length;
    });
    expect(lengths[0]).toBeGreaterThan(3990);
    expect(lengths[0]).toBeLessThanOrEqual(4000);
    expect(lengths[1]).toBeGreaterThan(1990);
    expect(lengths[1]).toBeLessThanOrEqual(2000);
  });

  it("can be written by the program", () => {
    const text = ({ event_type }: { event_type: string }): string => `!! ${event_type}`;
    expect(bodyOf(slack({ text })(event))).toEqual({ text: "!! cache.updated" });
    expect(bodyOf(discord({ text })(event))["content"]).toBe("!! cache.updated");
  });
});

describe("routing with transforms", () => {
  type Change = NonNullable<WebhookEndpoint["transform"]>;

  function route(...changes: (Change | undefined)[]) {
    const routes = changes.map((change, index) => {
      const settings = { id: `e${index}`, url: "https://example.com", secret: "secret" };
      const own = change === undefined ? {} : { transform: change };
      return { endpoint: resolveEndpoint({ ...settings, ...own }), enabled: true };
    });
    return transform(new RoutingTable(routes).route(event), event, 1000);
  }

  it("makes content for the endpoints that have one, of objects, texts and bytes", () => {
    const bytes = new Uint8Array([1, 2, 255]);
    const { contents, endpoints, failures } = route(
      undefined,
      () => ({ body: { a: 1 } }),
      () => ({ body: "é", headers: { "Content-Type": "text/plain" } }),
      () => ({ body: bytes }),
    );
    bytes.fill(0);
    expect(endpoints).toHaveLength(4);
    expect(failures).toEqual([]);
    expect([...contents]).toEqual([
      ["e1", { body: Buffer.from('{"a":1}'), headers: {} }],
      ["e2", { body: Buffer.from("é"), headers: { "Content-Type": "text/plain" } }],
      ["e3", { body: Buffer.from([1, 2, 255]), headers: {} }],
    ]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("its own");
      },
    ],
    ["answers with nothing", () => undefined],
    ["is asynchronous", async () => ({ body: "x" })],
    ["makes no JSON", () => ({ body: { n: 1n } })],
    ["makes too much", () => ({ body: "x".repeat(1001) })],
    ["sets a header that is ours", () => ({ body: "x", headers: { "webhook-id": "other" } })],
    ["sets a header with a line break", () => ({ body: "x", headers: { "x-a": "b\r\nc: d" } })],
  ])("a transform that %s keeps the event from its endpoint alone", (_, change) => {
    const { endpoints, decisions, contents, failures } = route(undefined, change as unknown as Change);
    expect(endpoints.map(({ id }) => id)).toEqual(["e0"]);
    expect(decisions).toEqual([
      { endpointId: "e0", routed: true, pattern: "*" },
      { endpointId: "e1", routed: false, reason: "transform_failed" },
    ]);
    expect(contents.size).toBe(0);
    expect(failures.map(({ endpointId }) => endpointId)).toEqual(["e1"]);
  });

  it("leaves a routing without transforms as it is", () => {
    const endpoint = resolveEndpoint({ url: "https://example.com", secret: "secret" });
    const table = new RoutingTable([{ endpoint, enabled: true }]);
    const routing = table.route(event);
    const { endpoints, decisions, contents, failures } = transform(routing, event, 1000);
    expect(routing.transforms).toBe(false);
    expect(endpoints).toEqual(routing.endpoints);
    expect(decisions).toEqual(routing.decisions);
    expect([contents.size, failures]).toEqual([0, []]);
  });

  it("takes a body of just the size that is allowed", () => {
    expect(route(() => ({ body: "x".repeat(1000) })).failures).toEqual([]);
  });

  it.each([
    ["DATA_TOO_LARGE", { body: "x".repeat(1001) }, /`e0` made 1001 bytes, the limit is 1000/],
    ["DATA_UNSERIALISABLE", { body: null }, /must return \{ body \}/],
    ["DATA_UNSERIALISABLE", { body: 7 }, /must return \{ body \}/],
    ["DATA_UNSERIALISABLE", {}, /must return \{ body \}/],
  ])("says %s of %j", (code, made, message) => {
    const { failures } = route((() => made) as unknown as Change);
    expect(failures).toMatchObject([{ error: { code, message: expect.stringMatching(message) } }]);
  });
});
