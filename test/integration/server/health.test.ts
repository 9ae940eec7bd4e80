/** What load balancers ask: whether the server lives, and whether it is ready. */
import { memoryOutbox, WebhookError } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../../support/pipeline.ts";
import { ask, askWithoutHost, post, serve, token } from "../../support/server.ts";

describe("health", () => {
  it("is told to load balancers that speak HTTP/1.0 and name no host", async () => {
    const { url } = await serve();
    for (const path of ["/healthz", "/readyz"])
      expect(await askWithoutHost(url, path)).toMatch(/^HTTP\/1\.\d 200 /);
  });

  it("is ready only while it is started, open, and its outbox answers", async () => {
    const outbox = memoryOutbox();
    const manager = testManager({ outbox });
    const { url } = await manager.listen({ port: 0 });
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    expect((await ask(`${url}/healthz`)).text).toBe("ok\n");
    await manager.start();
    expect((await ask(`${url}/readyz`)).text).toBe("ready\n");
    const ping = outbox.ping.bind(outbox);
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "The disk is gone"));
    const away = await ask(`${url}/readyz`);
    expect([away.status, away.json().error.code]).toEqual([503, "OUTBOX_UNAVAILABLE"]);
    outbox.ping = () => new Promise(() => undefined);
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    outbox.ping = ping;
    expect((await ask(`${url}/readyz`)).status).toBe(200);
  });

  it("tells what is wrong with the store to the log and to who has the token, and to nobody else", async () => {
    const lines: object[] = [];
    const log = (fields: object): void => void lines.push(fields);
    const outbox = memoryOutbox();
    const logger = { debug: log, info: log, warn: log, error: log };
    const { url } = await serve({ outbox, logger }, { token });
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "db7.internal:6379 is gone"));
    const anybody = await ask(`${url}/readyz`);
    expect([anybody.status, anybody.json().error.code]).toEqual([503, "OUTBOX_UNAVAILABLE"]);
    expect(anybody.text).not.toContain("db7.internal");
    const stranger = await ask(`${url}/readyz`, { headers: { authorization: "Bearer another-token-of-16" } });
    expect(stranger.text).not.toContain("db7.internal");
    const operator = await ask(`${url}/readyz`, { headers: { authorization: `Bearer ${token}` } });
    expect(operator.json().error.message).toContain("db7.internal");
    const told = lines.filter((fields) => JSON.stringify(fields).includes("db7.internal"));
    expect(told).toHaveLength(1);
    expect(anybody.json().error.message).toContain("to who sends the server's token");
  });

  it("names the log alone where there is no token", async () => {
    const outbox = memoryOutbox();
    const { url } = await serve({ outbox });
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "db7.internal:6379 is gone"));
    const { message } = (await ask(`${url}/readyz`)).json().error;
    expect(message).toMatch(/The log says why\.$/);
  });

  it("logs what nobody foresaw once for each change too, and tells nobody else", async () => {
    const lines: string[] = [];
    const log = (_: object, message: string): void => void lines.push(message);
    const outbox = memoryOutbox();
    const ping = outbox.ping.bind(outbox);
    const { url } = await serve(
      { outbox, logger: { debug() {}, info: log, warn: log, error: log } },
      { token },
    );
    const before = lines.length;
    outbox.ping = () => Promise.reject(new TypeError("db7.internal is no function"));
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const { status, text } = await ask(`${url}/readyz`, { headers });
      expect(status).toBe(503);
      expect(text).toContain("The log says why.");
      expect(text).not.toContain("db7.internal");
    }
    outbox.ping = ping;
    await ask(`${url}/readyz`);
    expect(lines.slice(before)).toEqual(["not ready", "ready again"]);
  });

  it("answers scrapes while it closes, says that it is not ready, takes nothing more, and ends with its manager", async () => {
    const held: (() => void)[] = [];
    const endpoint = await testEndpoint((_, response) => held.push(() => response.writeHead(204).end()));
    const { url, manager } = await serve({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    const closed = manager.close(5000);
    const scrape = await ask(`${url}/metrics`);
    expect(scrape.status).toBe(200);
    expect(scrape.text).toContain('mova_webhook_in_flight{endpoint="ops"} 1');
    expect((await ask(`${url}/healthz`)).status).toBe(200);
    expect((await ask(`${url}/readyz`)).json().error.code).toBe("CLOSED");
    const late = await post(`${url}/api/events`, { event_type: "cache.updated" });
    expect([late.status, late.json().error.code]).toEqual([503, "CLOSED"]);
    for (const end of held) end();
    await closed;
    await expect(ask(`${url}/healthz`)).rejects.toThrow("ECONNREFUSED");
  });
});
