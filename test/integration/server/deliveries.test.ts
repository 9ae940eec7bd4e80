/** Deliveries over HTTP: lists, one with its attempts, replays. */
import type { DeliveryPage } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, until } from "../../support/pipeline.ts";
import { ask, type Answer, post, serve, serveDead } from "../../support/server.ts";

describe("the records over HTTP", () => {
  it("lists deliveries by what the query names, page by page", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    const { id } = await manager.triggerEvent("cache.updated", {});
    await manager.triggerEvent("cache.cleared", {});
    const list = async (query: string): Promise<{ deliveries: { eventType: string }[]; cursor?: string }> =>
      (await ask(`${url}/api/deliveries${query}`)).json();
    const typesOf = async (query: string): Promise<string[]> =>
      (await list(query)).deliveries.map((each) => each.eventType);
    expect(await typesOf("")).toEqual(["cache.cleared", "cache.updated"]);
    expect(await typesOf(`?event_id=${id}`)).toEqual(["cache.updated"]);
    expect(await typesOf("?type=cache.cleared&endpoint=ops")).toEqual(["cache.cleared"]);
    expect(await typesOf("?endpoint=other")).toEqual([]);
    expect(await typesOf("?state=dead")).toEqual([]);
    expect(await typesOf("?until=2020-01-01T00:00:00Z")).toEqual([]);
    expect(await typesOf("?since=2020-01-01T00:00:00%2B02:00")).toHaveLength(2);
    expect(await typesOf("?since=1577836800000")).toHaveLength(2);
    const first = await list("?limit=1");
    expect(first.deliveries.map((each) => each.eventType)).toEqual(["cache.cleared"]);
    expect(await typesOf(`?limit=1&cursor=${encodeURIComponent(first.cursor ?? "")}`)).toEqual([
      "cache.updated",
    ]);
  });

  it.each([
    "?state=gone",
    "?limit=0",
    "?limit=x",
    "?since=yesterday",
    "?colour=red",
    "?type=a&type=b",
    "?endpoint=",
    "?cursor=zzz",
  ])("refuses the query %s", async (query) => {
    const { url } = await serve();
    const answer = await ask(`${url}/api/deliveries${query}`);
    expect([answer.status, answer.json().error.code]).toEqual([400, "REQUEST_INVALID"]);
  });

  it.each([
    ["GET", "/api/deliveries?limit=x", "at `limit`: expected a whole number from 1 to 1000"],
    ["GET", "/api/deliveries?state=gone", "at `state`: expected pending, delivering, delivered or dead"],
    ["GET", "/api/deliveries?endpont=a", "unknown key `endpont`; did you mean `endpoint`?"],
    [
      "GET",
      "/api/deliveries?cursor=zzz",
      "`cursor` is not one that a page of this outbox gave: take it from",
    ],
    ["POST", "/api/replay", "at `limit`: expected a whole number from 1 to 10000", { limit: "5" }],
    ["POST", "/api/replay", "at `dry_run`: expected true or false", { dry_run: "yes" }],
    ["POST", "/api/replay", "at `delivery_ids`: expected a list of at most 10000", { delivery_ids: "a" }],
    ["POST", "/api/events", "at `event_type`: expected a text such as cache.updated", {}],
    ["POST", "/api/events", "The body is wrong: expected a JSON object", []],
    ["POST", "/api/events", "unknown key `type`; did you mean `event_type`?", { type: "cache.updated" }],
    ["POST", "/api/events", "unknown key `eventType`; did you mean `event_type`?", { eventType: "x.y" }],
  ])("says of a wrong %s %s: %s", async (method, path, expected, body?: object) => {
    const { url } = await serve();
    const answer = await (method === "GET" ? ask(`${url}${path}`) : post(`${url}${path}`, body));
    expect(answer.status).toBe(400);
    expect(answer.json().error.message).toContain(expected);
  });

  it("takes a bad cursor for the caller's mistake, and logs nothing of the store", async () => {
    const lines: string[] = [];
    const note = (_: object, message: string): void => void lines.push(message);
    const { url, manager } = await serve({ logger: { debug: note, info: note, warn: note, error: note } });
    expect((await ask(`${url}/api/deliveries?cursor=zzz`)).status).toBe(400);
    await expect(manager.find({ cursor: "zzz" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(lines).toEqual([]);
  });

  it("finds several types and patterns", async () => {
    const { url, manager } = await serve({ endpoints: [{ id: "a", url: "https://a.test/", secret }] });
    for (const type of ["cache.updated", "cache.cleared", "config.updated", "error.occurred"]) {
      await manager.triggerEvent(type);
    }
    const typesOf = async (query: string): Promise<string[]> => {
      const page = (await ask(`${url}/api/deliveries?type=${query}`)).json() as DeliveryPage;
      return page.deliveries.map(({ eventType }) => eventType).toReversed();
    };
    expect(await typesOf("cache.*")).toEqual(["cache.updated", "cache.cleared"]);
    expect(await typesOf("cache.cleared,error.*")).toEqual(["cache.cleared", "error.occurred"]);
    const found = await manager.find({ eventType: ["config.*", "error.occurred"] });
    expect(found.deliveries).toHaveLength(2);
    for (const type of ["cache.*,x.y", ["cache.*"]]) {
      expect((await post(`${url}/api/replay`, { type, dry_run: true })).status).toBe(200);
    }
  });

  it("names the header that cannot be an event's id", async () => {
    const { url } = await serve();
    const key = { "idempotency-key": "a b" };
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated" }, key);
    expect(answer.json().error.message).toBe(
      "The `Idempotency-Key` cannot be the event's id. Use 1 to 255 visible ASCII characters, without blanks.",
    );
  });

  it("shows one delivery with its attempts, and what became of its event", async () => {
    const { url, id, eventId } = await serveDead();
    expect((await ask(`${url}/api/deliveries/${id}`)).json()).toMatchObject({
      id,
      eventId,
      state: "dead",
      attempts: [{ number: 1, outcome: "http_4xx", status: 422, response: "unknown field" }],
    });
    expect((await ask(`${url}/api/events/${eventId}`)).json()).toMatchObject({
      eventId,
      endpoints: [{ endpointId: "broken", verdict: "dead", deliveryId: id }],
    });
    const unknown = await ask(`${url}/api/deliveries/dlv_none`);
    expect([unknown.status, unknown.json().error.code]).toEqual([404, "DELIVERY_UNKNOWN"]);
    expect((await ask(`${url}/api/events/none`)).json().error.code).toBe("EVENT_UNKNOWN");
  });

  it("replays one finished delivery, and says so of one that is not finished", async () => {
    const endpoint = await testEndpoint(422);
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [60] }],
    });
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    endpoint.answerWith(503);
    expect((await post(`${url}/api/deliveries/${id}/replay`, "")).json()).toEqual({ replayed: [id] });
    await until(async () => (await manager.get(id))?.attempts.length === 2);
    const again = await post(`${url}/api/deliveries/${id}/replay`, {});
    expect([again.status, again.json().error.code]).toEqual([409, "REQUEST_INVALID"]);
    expect((await post(`${url}/api/deliveries/none/replay`, {})).status).toBe(404);
  });

  it("replays a selection, and only tells which with dry_run", async () => {
    const { url, id, manager } = await serveDead();
    const select = (body: object): Promise<Answer> => post(`${url}/api/replay`, body);
    expect((await select({})).status).toBe(400);
    expect((await select({ dry_run: true })).status).toBe(400);
    expect((await select({ state: "pending" })).status).toBe(400);
    expect((await select({ endpoint: "broken", dry_run: true })).json()).toEqual({
      replayed: [id],
      dry_run: true,
    });
    expect((await manager.get(id))?.replays).toBe(0);
    expect((await select({ type: "cache.cleared" })).json()).toEqual({ replayed: [], dry_run: false });
    // Nobody would ever send what is replayed for an endpoint that there is not.
    expect((await select({ endpoint: "other" })).status).toBe(404);
    expect((await select({ all: true })).json()).toEqual({ replayed: [id], dry_run: false });
    expect((await manager.get(id))?.replays).toBe(1);
    await until(async () => (await manager.get(id))?.state === "dead");
    expect((await select({ delivery_ids: [id] })).json().replayed).toEqual([id]);
  });
});
