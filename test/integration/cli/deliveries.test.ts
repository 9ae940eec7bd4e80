/** `deliveries`, `explain` and `status` on the records of the configured outbox. */
import { describe, expect, it } from "vitest";
import { secret, testEndpoint } from "../../support/pipeline.ts";
import { sqliteLoads } from "../../support/native-sqlite.ts";
import { cli, inFolder, write } from "../../support/cli.ts";
import { submission } from "../../support/submission.ts";

describe("records", () => {
  it.skipIf(!sqliteLoads)("are replayed all, also where there are more than one page of them", async () => {
    const { sqliteOutbox } = await import("../../../src/outbox/sqlite/index.ts");
    const outbox = sqliteOutbox({ path: inFolder("x.db") });
    const count = 10_001;
    const at = 1_700_000_000_000;
    await outbox.put(Array.from({ length: count }, (_, n) => submission(`evt_${n}`, { at: at + n })));
    expect(await outbox.bury("ops", "test")).toBe(count);
    await outbox.close();
    const env = { MOVA_WEBHOOK_OUTBOX: "./x.db" };

    const limited = await cli(["deliveries", "replay", "--all", "--limit", "2", "--dry-run", "--json"], {
      env,
    });
    expect(JSON.parse(limited.out)).toMatchObject({ remaining: count - 2 });
    expect(limited.err).toBe(`${count - 2} more match beyond --limit\n`);
    const { code, out, err } = await cli(["deliveries", "replay", "--all", "--json"], { env });
    expect(code).toBe(0);
    expect((JSON.parse(out) as { replayed: string[] }).replayed).toHaveLength(count);
    expect(err).toBe("10000 replayed so far …\n10001 replayed so far …\n");
  });

  it.skipIf(!sqliteLoads)(
    "are listed, shown, explained and replayed from the configured outbox",
    async () => {
      const endpoint = await testEndpoint(400);
      const { WebhookManager } = await import("mova-webhooks");
      const { sqliteOutbox } = await import("../../../src/outbox/sqlite/index.ts");
      const config = write(
        "mova.config.yaml",
        `webhook:\n  outbox: { type: sqlite, path: ./x.db }\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "${endpoint.url}", secret: ${secret} }]\n`,
      );
      const manager = new WebhookManager({ config, outbox: sqliteOutbox({ path: inFolder("x.db") }) });
      await manager.start();
      const { id, deliveries } = await manager.triggerEvent("error.occurred", {});
      await manager.drain(5000);
      await manager.close();
      const deliveryId = deliveries[0] ?? "";

      const listed = JSON.parse((await cli(["deliveries", "list", "--state", "dead", "--json"])).out) as {
        deliveries: unknown[];
      };
      expect(listed.deliveries).toMatchObject([{ id: deliveryId, state: "dead", reason: "http_4xx" }]);
      expect((await cli(["deliveries", "list"])).out).toMatch(new RegExp(`\\n${deliveryId} .* ${id}\\n`));
      expect((await cli(["deliveries", "show", deliveryId])).out).toMatch(/ops[^]*http_4xx[^]*400/);
      expect((await cli(["explain", id])).out).toMatch(/ops +dead +1 +http_4xx/);
      expect(JSON.parse((await cli(["status", "--json"])).out)).toMatchObject([
        { id: "ops", url: new URL(endpoint.url).origin, dead: 1, pending: 0 },
      ]);
      expect((await cli(["deliveries", "replay", "--all", "--dry-run"])).out).toBe(
        `${deliveryId}\n1 would be replayed\n`,
      );
      expect((await cli(["deliveries", "replay", deliveryId])).out).toBe(`${deliveryId}\n1 replayed\n`);
      expect(JSON.parse((await cli(["status", "--json"])).out)).toMatchObject([
        { id: "ops", dead: 0, pending: 1 },
      ]);
      expect((await cli(["explain", id])).out).toMatch(
        /ops +waiting +1 +waits for a process that delivers\n/,
      );

      const unknown = await cli(["deliveries", "show", "dlv_nobody"]);
      expect(unknown).toMatchObject({ code: 1, out: "" });
      expect(unknown.err).toContain("deliveries list");
      expect((await cli(["deliveries", "replay"])).code).toBe(2);
      const hint = expect.stringMatching(/^no endpoint `nope` is configured, .*; configured are ops\n$/);
      const list = await cli(["deliveries", "list", "--endpoint", "nope", "--json"]);
      expect(list).toMatchObject({ code: 0, out: expect.stringContaining("[]"), err: hint });
      const none = await cli(["deliveries", "replay", "--endpoint", "nope", "--limit", "5"]);
      expect(none).toMatchObject({ code: 0, out: "0 replayed\n", err: hint });
      expect((await cli(["deliveries", "list", "--endpoint", "ops", "--until", "1d"])).err).toBe("");

      const mistyped = await cli(["deliveries", "replay", deliveryId, "dlv_nobody"]);
      expect(mistyped).toMatchObject({ code: 1, out: "" });
      expect(mistyped.err).toMatch(/no delivery `dlv_nobody`\. List them/);
      const unfinished = await cli(["deliveries", "replay", deliveryId]);
      expect(unfinished).toMatchObject({ code: 1, out: "0 replayed\n" });
      expect(unfinished.err).toContain(`${deliveryId} is pending: only a finished delivery`);
    },
  );

  it.skipIf(!sqliteLoads)("need no plugin: one that cannot be loaded is in nobody's way", async () => {
    const outbox = "outbox: { type: sqlite, path: ./x.db }";
    const endpoint = `{ id: ops, url: "https://hooks.example.com/", secret: ${secret} }`;
    write("mova.config.yaml", `webhook:\n  ${outbox}\n  plugins: [./gone.js]\n  endpoints: [${endpoint}]\n`);
    expect(await cli(["status"])).toMatchObject({ code: 0, out: expect.stringMatching(/ops +yes +0 +0 +0/) });
    expect(await cli(["deliveries", "list"])).toMatchObject({ code: 0, err: "" });
    expect((await cli(["explain", "evt_none"])).err).toContain("knows no event");
  });

  it("that nobody can look at are said to be so, with what to set", async () => {
    const missing = await cli(["status"]);
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toMatch(/no mova-webhooks\.db in this folder.*MOVA_WEBHOOK_OUTBOX/);
    const memory = await cli(["status"], { env: { MOVA_WEBHOOK_OUTBOX: "memory" } });
    expect(memory).toMatchObject({ code: 2, out: "" });
    expect(memory.err).toMatch(/in the memory of another process.*MOVA_WEBHOOK_OUTBOX/);
  });
});
