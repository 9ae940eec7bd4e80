/** The commands that ask a running server: `status`, `endpoints`, `deliveries` and `explain` with `--url`. */
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../../support/pipeline.ts";
import { cli, type Said, write } from "../../support/cli.ts";

describe("a running server", () => {
  const token = "correct-horse-battery-staple";

  async function running() {
    const endpoint = await testEndpoint(500);
    const manager = testManager({
      endpoints: [
        { id: "ops", url: endpoint.url, secret, retries: 0, circuitBreaker: { failures: 1, wait: 60 } },
      ],
    });
    await manager.start();
    const { url } = await manager.listen({ port: 0, token });
    const ask = (...args: string[]): Promise<Said> =>
      cli([...args, "--url", url], { env: { MOVA_WEBHOOK_TOKEN: token } });
    const { id: eventId, deliveries } = await manager.triggerEvent("cache.updated", {});
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    return { manager, endpoint, url, ask, eventId, id };
  }

  it("tells circuits and switches, which its outbox does not know", async () => {
    const { ask, manager, eventId, id } = await running();
    manager.setEndpointEnabled("ops", false, "by the night shift");
    const status = await ask("status");
    expect(status).toMatchObject({ code: 0, err: "" });
    expect(status.out).toMatch(/ops +no: by the night shift +0 +0 +1 +open until \S+/);
    expect(JSON.parse((await ask("status", "--json")).out)).toMatchObject([
      { id: "ops", enabled: false, circuit: "open", dead: 1 },
    ]);
    expect(status.out).toContain("dead letters");
    expect((await ask("endpoints", "list")).out).toMatch(/ops +disabled +open until \S+ +by the night shift/);
    expect((await ask("explain", eventId)).out).toMatch(/ops +dead +1 +http_5xx/);
    expect((await ask("deliveries", "list", "--state", "dead", "--since", "1h")).out).toContain(id);
    expect((await ask("deliveries", "show", id)).out).toContain("http_5xx");
    expect(await ask("explain", "evt_none")).toMatchObject({ code: 1, out: "" });
    expect(await ask("deliveries", "show", "dlv_none")).toMatchObject({ code: 1, out: "" });
  });

  it("switches its endpoints, and delivers what they missed", async () => {
    const { ask, manager, endpoint, id } = await running();
    expect(await ask("endpoints", "disable", "ops")).toMatchObject({ code: 0, out: "ops is disabled\n" });
    expect(manager.getEndpoints()).toMatchObject([{ enabled: false }]);
    endpoint.answerWith(200);
    const enabled = await ask("endpoints", "enable", "ops", "--replay", "--json");
    expect(JSON.parse(enabled.out)).toEqual({ id: "ops", enabled: true, replayed: [id], missed: 0 });
    expect(manager.getEndpoints()).toMatchObject([{ enabled: true }]);
    expect((await ask("endpoints", "enable", "ops")).out).toBe("ops is enabled\n");
    const unknown = await ask("endpoints", "disable", "nope");
    expect(unknown).toMatchObject({ code: 1, out: "" });
    expect(unknown.err).toContain("no such endpoint");
  });

  it("shows dead letters at a glance, where nothing else is wrong", async () => {
    const { ask, manager, endpoint } = await running();
    endpoint.answerWith(200);
    for (const enabled of [false, true]) manager.setEndpointEnabled("ops", enabled);
    await manager.triggerEvent("cache.updated", {});
    expect(await manager.drain(5000)).toBe(true);
    expect((await ask("endpoints", "list")).out).toMatch(/ops +dead letters: 1 +closed/);
  });

  it("replays what is asked for, and nothing where an id is wrong", async () => {
    const { ask, manager, id } = await running();
    expect(await ask("deliveries", "replay", id, "dlv_none")).toMatchObject({ code: 1, out: "" });
    expect((await manager.get(id))?.replays).toBe(0);
    expect((await ask("deliveries", "replay", "--endpoint", "ops", "--dry-run")).out).toContain("1 would be");
    expect((await ask("deliveries", "replay", id)).out).toBe(`${id}\n1 replayed\n`);
    expect((await manager.get(id))?.replays).toBe(1);
  });

  it("is found by the configuration that starts it, with its token", async () => {
    const { url } = await running();
    const { port } = new URL(url);
    write("mova.config.yaml", `webhook:\n  server: { host: 0.0.0.0, port: ${port}, token: ${token} }\n`);
    expect((await cli(["endpoints", "list"])).out).toContain("ops");
  });

  it("that is not there, wants a token, or is another is said with what helps; exit 1", async () => {
    const { url } = await running();
    const untrusted = await cli(["status", "--url", url]);
    expect(untrusted.code).toBe(1);
    expect(untrusted.err).toMatch(/wants a token\. .*MOVA_WEBHOOK_TOKEN/);
    const wrong = await cli(["status", "--url", url, "--token", `${token}x`]);
    expect(wrong.err).toContain("does not take this token");
    const other = await testEndpoint(404);
    const stranger = await cli(["status", "--url", other.url]);
    expect(stranger).toMatchObject({ code: 1, err: expect.stringContaining("no mova-webhooks server") });
    const gone = await cli(["endpoints", "list", "--url", "http://127.0.0.1:9"]);
    expect(gone).toMatchObject({ code: 1, err: expect.stringContaining("--url") });
  });
});
