/** `serve`: how it starts, logs, reloads and ends. */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, until } from "../../support/pipeline.ts";
import { sqliteLoads } from "../../support/native-sqlite.ts";
import { cli, inFolder, startCli, startServe, urlOf, write } from "../../support/cli.ts";

describe("serve", () => {
  it.skipIf(!sqliteLoads)("sends nothing where it cannot listen, and ends with 2", async () => {
    const endpoint = await testEndpoint();
    const taken = new URL(endpoint.url).port;
    const config = write(
      "mova.config.yaml",
      `webhook:\n  outbox: { type: sqlite, path: ./x.db }\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n`,
    );
    const { WebhookManager } = await import("mova-webhooks");
    const { sqliteOutbox } = await import("../../../src/outbox/sqlite/index.ts");
    const manager = new WebhookManager({ config, outbox: sqliteOutbox({ path: inFolder("x.db") }) });
    await manager.triggerEvent("error.occurred", {});
    await manager.close();
    const inUse = await cli(["serve", "--port", taken]);
    expect(inUse.code).toBe(2);
    expect(inUse.err).toContain("the port is in use. Choose another port, or stop what listens there");
    const open = await cli(["serve", "--host", "0.0.0.0", "--port", "0"]);
    expect(open.code).toBe(2);
    expect(open.err).toContain("MOVA_WEBHOOK_TOKEN");
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each([
    ["that MOVA_WEBHOOK_TOKEN gives", "", "token-of-the-environment"],
    [
      "of the file before that of the environment",
      "  server: { token: token-of-the-file-itself }\n",
      "token-of-the-file-itself",
    ],
  ])("wants the token %s", async (_, line, wanted) => {
    write("mova.config.yaml", `webhook:\n  outbox: { type: memory }\n${line}`);
    const env = { MOVA_WEBHOOK_TOKEN: "token-of-the-environment" };
    const served = startCli(["serve", "--port", "0", "--json"], { env });
    await until(() => served.stdout().includes("\n"));
    const { url } = JSON.parse(served.stdout()) as { url: string };
    const statusFor = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/api/deliveries`, { headers })).status;
    expect(await statusFor({})).toBe(401);
    expect(await statusFor({ authorization: `Bearer ${wanted}` })).toBe(200);
    served.child.kill("SIGTERM");
    expect(await served.ended).toMatchObject({ code: 0, signal: null });
  });

  it("logs JSON lines by default: its start, what dies, and what is switched off", async () => {
    const endpoint = await testEndpoint(410);
    const served = startServe(endpoint.url);
    await until(() => served.stderr().includes("Delivering."));
    const url = urlOf(served);
    await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated" }),
    });
    await until(
      () => served.stderr().includes("delivery.dead") && served.stderr().includes('"enabled":false'),
    );
    served.child.kill("SIGINT");
    expect(await served.ended).toMatchObject({ code: 0, signal: null });
    const lines = served
      .stderr()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 30,
        url,
        outbox: "memory",
        endpoints: 1,
        version: expect.any(String),
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 50, msg: "delivery.dead", endpoint_id: "environment" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, msg: "endpoint.changed", enabled: false }),
    );
    expect(lines.at(-1)).toMatchObject({ msg: "Stopped." });
  });

  it("says that --watch has nothing to watch, and answers scrapes while it ends what is in flight", async () => {
    let answer = (): void => undefined;
    const endpoint = await testEndpoint((_, response) => {
      answer = () => void response.writeHead(200).end();
    });
    const served = startServe(endpoint.url, "--watch");
    await until(() => served.stderr().includes("nothing is watched"));
    const url = urlOf(served);
    await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated", data: {} }),
    });
    await endpoint.received(1);
    served.child.kill("SIGTERM");
    await until(() => served.stderr().includes("in flight"));
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    answer();
    expect(await served.ended).toMatchObject({ code: 0, signal: null });
  });

  it("takes over a changed configuration on SIGHUP, refuses a bad one, and ends with 0", async () => {
    const endpoint = await testEndpoint();
    const config = (lines: string): string =>
      write(
        "mova.config.yaml",
        `webhook:\n  secret: ${secret}\n  outbox: { type: memory }\n  network: { allow: [127.0.0.0/8] }\n${lines}`,
      );
    config("  endpoints: []\n");
    const served = startServe();
    await until(() => served.stderr().includes("Delivering."));
    const url = urlOf(served);
    config(`  endpoints: [{ id: ops, url: "${endpoint.url}", event_types: [cache.*] }]\n`);
    served.child.kill("SIGHUP");
    await until(() => served.stderr().includes("1 added"));
    config(
      `  event_types: [order.*]\n  endpoints: [{ id: ops, url: "${endpoint.url}", event_types: [cache.*] }]\n`,
    );
    served.child.kill("SIGHUP");
    await until(() => served.stderr().includes("A restart is needed for: event_types."));
    config("  timeout: soon\n");
    served.child.kill("SIGHUP");
    await until(() => served.stderr().includes("stays as it was"));
    rmSync(inFolder("mova.config.yaml"));
    served.child.kill("SIGHUP");
    await until(() => served.stderr().includes("Put the file back"));
    const posted = await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_type: "cache.updated", data: { key: "a" } }),
    });
    expect(posted.status).toBe(202);
    expect(await endpoint.received(1)).toHaveLength(1);
    served.child.kill("SIGTERM");
    expect(await served.ended).toMatchObject({ code: 0, signal: null });
  });
});
