/** Endpoints over HTTP: what is shown of them, and how they are switched. */
import { memoryOutbox } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, until } from "../../support/pipeline.ts";
import { ask, type Answer, post, serve, serveDead } from "../../support/server.ts";
import { submission } from "../../support/submission.ts";

describe("endpoints over HTTP", () => {
  it("shows health, lane and backlog, and of the URL only its origin", async () => {
    const { url, manager } = await serveDead();
    const answer = await ask(`${url}/api/endpoints`);
    expect(answer.json().endpoints).toMatchObject([
      {
        id: "broken",
        origin: new URL(manager.getEndpoints()[0]?.url ?? "").origin,
        health: "failing",
        enabled: true,
        circuit: "closed",
        inFlight: 0,
        concurrency: 16,
        pending: 0,
        dead: 1,
        lastAttempt: { outcome: "http_4xx", status: 422 },
      },
    ]);
  });

  it("shows what a program says of them, and refuses what would be too much", async () => {
    const told = { description: "Orders for the shop", metadata: { team: "ops", "customer.no": "17" } };
    const own = { id: "shop", url: "https://shop.test/", secret };
    const { url, manager } = await serve({ endpoints: [{ ...own, ...told }] });
    expect(manager.getEndpoints()).toMatchObject([told]);
    expect((await ask(`${url}/api/endpoints`)).json().endpoints).toMatchObject([{ id: "shop", ...told }]);
    for (const wrong of [
      { description: "" },
      { description: "x".repeat(1001) },
      { metadata: { team: 7 as never } },
      { metadata: { "a b": "x" } },
    ]) {
      const adding = (): void => manager.addEndpoint({ ...own, id: "other", ...wrong });
      expect(adding).toThrow(expect.objectContaining({ code: "ENDPOINT_INVALID" }));
    }
  });

  it("tells an open circuit from one that fails, and when it is tried again", async () => {
    const endpoint = await testEndpoint(500);
    const { url, manager } = await serve({
      endpoints: [
        {
          id: "ops",
          url: endpoint.url,
          secret,
          retrySchedule: [60],
          circuitBreaker: { failures: 1, wait: 60 },
        },
      ],
    });
    const read = async (): Promise<{ health: string; circuitUntil?: number; failingSince?: number }> =>
      (await ask(`${url}/api/endpoints`)).json().endpoints[0];
    expect(await read()).toMatchObject({ health: "ok" });
    await manager.triggerEvent("cache.updated", {});
    await until(async () => (await read()).health === "circuit_open");
    const { circuitUntil = 0, failingSince = 0 } = await read();
    expect(circuitUntil).toBeGreaterThan(failingSince);
  });

  it("names dead letters of the process before", async () => {
    const outbox = memoryOutbox();
    await outbox.put([submission("evt_1")]);
    await outbox.bury("ops", "http_4xx");
    const endpoint = await testEndpoint();
    const { url } = await serve({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    const { endpoints } = (await ask(`${url}/api/endpoints`)).json();
    expect(endpoints).toMatchObject([{ id: "ops", health: "dead_letters", dead: 1 }]);
  });

  it("switches an endpoint with an odd id, and not by its URL", async () => {
    const id = 'odd "id" / %2F ünï?#';
    const { url, manager } = await serve({ endpoints: [{ id, url: (await testEndpoint()).url, secret }] });
    const path = `${url}/api/endpoints/${encodeURIComponent(id)}`;
    expect((await post(`${path}/disable`, {})).json()).toEqual({ id, enabled: false });
    expect((await ask(`${url}/api/endpoints`)).json().endpoints[0]).toMatchObject({
      health: "disabled",
      reason: "by hand",
    });
    expect((await post(`${path}/enable`, {})).json()).toEqual({
      id,
      enabled: true,
      replayable: { dead: 0, missed: 0 },
    });
    expect((await ask(`${url}/api/endpoints`)).json().endpoints[0]).toMatchObject({ health: "ok" });
    const byUrl = encodeURIComponent(manager.getEndpoints()[0]?.url ?? "");
    const answer = await post(`${url}/api/endpoints/${byUrl}/disable`, {});
    expect([answer.status, answer.json().error.code]).toEqual([404, "ENDPOINT_UNKNOWN"]);
  });

  it.each([".", "..", "plain", "a/b"])(
    "switches the endpoint %s by a query, as the console does",
    async (id) => {
      const { url, manager } = await serve({ endpoints: [{ id, url: (await testEndpoint()).url, secret }] });
      const query = `?id=${encodeURIComponent(id)}`;
      expect((await post(`${url}/api/endpoints/disable${query}`, {})).json()).toEqual({ id, enabled: false });
      expect(manager.getEndpoints()[0]?.enabled).toBe(false);
      expect((await post(`${url}/api/endpoints/enable${query}`, {})).json()).toEqual({
        id,
        enabled: true,
        replayable: { dead: 0, missed: 0 },
      });
      for (const wrong of ["", "?id=other"]) {
        const answer = await post(`${url}/api/endpoints/disable${wrong}`, {});
        expect([answer.status, answer.json().error.code]).toEqual([404, "ENDPOINT_UNKNOWN"]);
      }
    },
  );

  it("takes a POST that needs no body without one, and without a content type", async () => {
    const { url, id, manager } = await serveDead();
    const send = (path: string): Promise<Answer> => ask(`${url}/api/${path}`, { method: "POST" });
    expect((await send("endpoints/broken/disable")).json()).toEqual({ id: "broken", enabled: false });
    expect((await send("endpoints/broken/enable")).json()).toMatchObject({ id: "broken", enabled: true });
    expect((await send(`deliveries/${id}/replay`)).json()).toEqual({ replayed: [id] });
    expect((await manager.get(id))?.replays).toBe(1);
    expect((await send("replay")).status).toBe(400);
    expect((await send("events")).status).toBe(400);
  });

  it("delivers what an endpoint missed when it is enabled with replay", async () => {
    const { url, id, manager } = await serveDead();
    const enable = (body: object): Promise<Answer> => post(`${url}/api/endpoints/broken/enable`, body);
    manager.setEndpointEnabled("broken", false);
    expect((await enable({ replay: true })).json()).toEqual({
      id: "broken",
      enabled: true,
      replayed: [id],
      missed: 0,
    });
    expect((await manager.get(id))?.replays).toBe(1);
    await until(async () => (await manager.get(id))?.state === "dead");
    // It is on already, and still fails.
    expect((await enable({ replay: true })).json()).toMatchObject({ replayed: [id] });
    expect((await enable({})).json()).toMatchObject({ id: "broken", enabled: true });
    expect((await enable({ replay: "yes" })).status).toBe(400);
    expect((await post(`${url}/api/endpoints/none/enable`, { replay: true })).status).toBe(404);
  });

  it("never shows a secret, a header value or more of a URL than its origin", async () => {
    const { url, id, eventId } = await serveDead();
    const paths = [
      "/api/endpoints",
      "/api/deliveries",
      `/api/deliveries/${id}`,
      `/api/events/${eventId}`,
      "/api/activity",
      "/metrics",
      "/readyz",
      "/",
    ];
    for (const path of paths) {
      const { status, text } = await ask(`${url}${path}`);
      expect(status).toBe(200);
      for (const hidden of [secret, "hidden-header", "hidden-in-url", "/hook"])
        expect(text).not.toContain(hidden);
    }
  });

  it("tells the attempts of the last minutes by second and outcome", async () => {
    const { url } = await serveDead();
    const { revision, seconds, now } = (await ask(`${url}/api/activity`)).json();
    expect(revision).toBeGreaterThan(0);
    expect(seconds).toEqual([{ at: expect.any(Number), outcomes: { http_4xx: 1 } }]);
    expect((await ask(`${url}/api/activity?since=${Math.floor(now / 1000) + 1}`)).json().seconds).toEqual([]);
  });
});
