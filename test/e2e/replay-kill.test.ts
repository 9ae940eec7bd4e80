/** A replay of tens of thousands that is killed says how far it was, and the same command takes the rest, each once. */
import { expect, it } from "vitest";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { cli, inFolder, startCli } from "../support/cli.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { submission } from "../support/submission.ts";
import { until } from "../support/until.ts";

const count = 35_000;
const env = { MOVA_WEBHOOK_OUTBOX: "./x.db" };

async function counts(): Promise<{ readonly pending: number; readonly dead: number } | undefined> {
  const outbox = sqliteOutbox({ path: inFolder("x.db") });
  const [ops] = await outbox.counts();
  await outbox.close();
  return ops;
}

it.skipIf(!sqliteLoads)("goes on where kill -9 stopped it", async () => {
  const outbox = sqliteOutbox({ path: inFolder("x.db") });
  const at = 1_700_000_000_000;
  await outbox.put(Array.from({ length: count }, (_, n) => submission(`evt_${n}`, { at: at + (n >> 2) })));
  await outbox.bury("ops", "test");
  await outbox.close();

  const killed = startCli(["deliveries", "replay", "--all"], { env });
  await until(() => killed.stderr().includes("replayed so far"), 60_000, 1);
  killed.child.kill("SIGKILL");
  expect(await killed.ended).toMatchObject({ signal: "SIGKILL", stdout: "" });
  const told = Math.max(...[...killed.stderr().matchAll(/(\d+) replayed so far/g)].map(([, n]) => Number(n)));

  const between = await counts();
  expect(between?.pending).toBeGreaterThanOrEqual(told);
  expect(between?.dead).toBe(count - (between?.pending ?? 0));
  expect(between?.dead).toBeGreaterThan(0);

  const again = await cli(["deliveries", "replay", "--all", "--json"], { env });
  expect((JSON.parse(again.out) as { replayed: string[] }).replayed).toHaveLength(between?.dead ?? -1);
  expect(await counts()).toMatchObject({ pending: count, dead: 0 });
  const first = await cli(["deliveries", "show", "dlv_evt_0", "--json"], { env });
  expect(JSON.parse(first.out)).toMatchObject({ replays: 1, state: "pending" });
});
