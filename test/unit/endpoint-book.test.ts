/** The endpoints of one manager: who is in it, who may be, and who is switched off. */
import { describe, expect, it } from "vitest";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { createWebhookEvent } from "../../src/event/webhook-event.ts";
import { EndpointBook } from "../../src/routing/endpoint-book.ts";

const event = createWebhookEvent({ type: "cache.updated", data: {}, occurredAt: 0 });

function book(...settings: Partial<WebhookEndpoint>[]): EndpointBook {
  const made = new EndpointBook({}, ({ hostname }) =>
    hostname === "10.0.0.1" ? "it is private" : undefined,
  );
  for (const own of settings) made.add({ url: "https://example.com/hook", secret: "secret", ...own });
  return made;
}

function routed(made: EndpointBook): string[] {
  return made.table.route(event).endpoints.map(({ id }) => id);
}

const list = (made: EndpointBook) => made.list(() => "closed");

describe("an endpoint", () => {
  it("has an id of any 1 to 128 characters, line breaks among them", () => {
    const ids = ["a", 'odd "one" \\ with\nlines', "x".repeat(128)];
    expect(ids.flatMap((id) => routed(book({ id })))).toEqual(ids);
    for (const id of ["", "x".repeat(129)]) expect(() => book({ id })).toThrow("1 to 128 characters");
  });

  it("is routed to from when it is added to when it is removed, by its id or its URL", () => {
    const made = book({ id: "one" }, { id: "two", url: "https://example.com/two" });
    expect(routed(made)).toEqual(["one", "two"]);
    expect([made.get("one")?.endpoint.id, made.get("nobody")]).toEqual(["one", undefined]);
    expect([made.remove("https://example.com/two"), made.remove("two")]).toEqual(["two", undefined]);
    expect(made.remove("https://example.com/other")).toBeUndefined();
    expect(routed(made)).toEqual(["one"]);
    expect(made.remove("one")).toBe("one");
    expect([routed(made), [...made.routes()]]).toEqual([[], []]);
  });

  it("is refused where its id is taken or its address may not be called, and says which", () => {
    const made = book({ id: "one" });
    const add = (own: Partial<WebhookEndpoint>) => (): unknown =>
      made.add({ url: "https://example.com", secret: "secret", ...own });
    expect(add({ id: "one" })).toThrow(
      expect.objectContaining({
        code: "ENDPOINT_INVALID",
        message: expect.stringContaining("`one` already"),
      }),
    );
    expect(add({ id: "two", url: "https://10.0.0.1/" })).toThrow(
      expect.objectContaining({
        code: "ENDPOINT_BLOCKED",
        message: expect.stringMatching(/`two` cannot be called: it is private/),
      }),
    );
    expect(list(made).map(({ id }) => id)).toEqual(["one"]);
  });

  it("is shown without secret or headers, with times in seconds", () => {
    const made = book({ id: "one", timeout: 2.5, retries: 3, concurrency: 4, eventTypes: ["cache.*"] });
    expect(made.list((id) => (id === "one" ? "open" : "closed"))).toEqual([
      {
        ...{
          id: "one",
          url: "https://example.com/hook",
          enabled: true,
          status: "on",
          eventTypes: ["cache.*"],
        },
        ...{ timeout: 2.5, retries: 3, concurrency: 4, signature: "sha256", circuit: "open" },
      },
    ]);
  });
});

describe("the switch", () => {
  it("takes an endpoint out of the routing and back, and answers whether that changed anything", () => {
    const made = book({ id: "one" });
    expect([made.enable("one"), made.enable("nobody"), made.missingSince("nobody")]).toEqual([
      false,
      false,
      undefined,
    ]);
    expect([
      made.disable("one", 7, { reason: "gone", by: "receiver" }),
      made.disable("one", 8, { reason: "again", by: "receiver" }),
    ]).toEqual([true, false]);
    expect(made.disable("nobody", 7, { reason: "gone", by: "receiver" })).toBe(false);
    expect([routed(made), made.missingSince("one")]).toEqual([[], 7]);
    expect(list(made)).toMatchObject([{ enabled: false, reason: "gone" }]);
    expect([made.enable("one"), routed(made), made.missingSince("one")]).toEqual([true, ["one"], undefined]);
    expect(list(made)[0]).not.toHaveProperty("reason");
  });

  it("may be off from the start, without a reason", () => {
    const made = book({ id: "one", enabled: false });
    expect(routed(made)).toEqual([]);
    expect(list(made)[0]).not.toHaveProperty("reason");
    expect(made.enable("one")).toBe(true);
    expect(routed(made)).toEqual(["one"]);
  });
});

describe("new settings", () => {
  const settings = { id: "one", url: "https://example.com/new", secret: "secret" };

  it("leave an endpoint switched off, with its reason, unless they say otherwise", () => {
    const made = book({ id: "one" });
    made.disable("one", 7, { reason: "gone", by: "receiver" });
    made.replace(made.check(settings), false);
    expect(list(made)).toMatchObject([{ url: settings.url, enabled: false, reason: "gone" }]);
    expect(made.missingSince("one")).toBe(7);
    made.replace(made.check(settings), true);
    expect(list(made)).toMatchObject([{ url: settings.url, enabled: true }]);
    expect(made.missingSince("one")).toBeUndefined();
  });

  it("of an endpoint that is not here add it", () => {
    const made = book();
    expect(routed(made)).toEqual([]);
    made.replace(made.check(settings), false);
    expect(routed(made)).toEqual(["one"]);
  });

  it("for all are those of endpoints that come later and set nothing themselves", () => {
    const made = book({ id: "one", retries: 2 });
    made.useDefaults({ retries: 7 });
    made.add({ ...settings, id: "two" });
    made.add({ ...settings, id: "three", retries: 1 });
    expect(list(made).map(({ retries }) => retries)).toEqual([2, 7, 1]);
  });
});
