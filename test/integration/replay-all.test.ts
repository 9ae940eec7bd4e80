/** A replay takes all that match, however many, and says how many a limit left. */
import { memoryOutbox, type Outbox, type WebhookManager } from "mova-webhooks";
import { expect, it } from "vitest";
import { testManager } from "../support/pipeline.ts";
import { post } from "../support/server.ts";
import { submission } from "../support/submission.ts";

const count = 12_000;

/** Dead deliveries of an endpoint that no process has, `atOnce` of them accepted in one millisecond. */
async function dead(atOnce: number): Promise<Outbox> {
  const outbox = memoryOutbox({ maxDeliveries: 2 * count });
  const at = (n: number): number => 1_700_000_000_000 + Math.floor(n / atOnce);
  await outbox.put(Array.from({ length: count }, (_, n) => submission(`evt_${n}`, { at: at(n) })));
  await outbox.bury("ops", "test");
  return outbox;
}

async function states(outbox: Outbox): Promise<object | undefined> {
  return (await outbox.counts()).find(({ endpointId }) => endpointId === "ops");
}

it.each([1, 7, count])("takes every dead delivery once, where %i are of one moment", async (atOnce) => {
  const outbox = await dead(atOnce);
  const manager = testManager({ outbox });
  const wouldBe = await manager.replay({ state: "dead", dryRun: true });
  expect([wouldBe.length, new Set(wouldBe).size]).toEqual([count, count]);
  expect(await states(outbox)).toMatchObject({ dead: count, pending: 0 });
  const replayed = await manager.replay({ state: "dead" });
  expect(replayed).toEqual(wouldBe);
  expect(await states(outbox)).toMatchObject({ dead: 0, pending: count });
  expect((await outbox.get("dlv_evt_0"))?.replays).toBe(1);
});

it("takes none twice that dies again meanwhile, and none that comes meanwhile", async () => {
  const outbox = await dead(5);
  const replay = outbox.replay.bind(outbox);
  outbox.replay = async (selection) => {
    const ids = await replay(selection);
    if (selection.dryRun !== true) {
      await outbox.put([submission(`evt_late_${ids[0]}`)]);
      await outbox.bury("ops", "again");
    }
    return ids;
  };
  const replayed = await testManager({ outbox }).replay({ endpointId: "ops" });
  expect([replayed.length, new Set(replayed).size]).toEqual([count, count]);
  expect(replayed.filter((id) => id.includes("late"))).toEqual([]);
});

it("takes as many as a limit or a list of ids asks for", async () => {
  const outbox = await dead(3);
  const manager: WebhookManager = testManager({ outbox });
  const oldest = await manager.replay({ limit: 11_000 });
  expect(oldest).toEqual(Array.from({ length: 11_000 }, (_, n) => `dlv_evt_${n}`));
  expect(await manager.replay({ dryRun: true })).toHaveLength(1000);
  await outbox.bury("ops", "test");
  const deliveryIds = Array.from({ length: count }, (_, n) => `dlv_evt_${n}`);
  expect(await manager.replay({ deliveryIds, limit: 10_500 })).toHaveLength(10_500);
  expect(await manager.replay({ deliveryIds })).toHaveLength(1500);
});

it("over HTTP too, where a limit is answered with how many remain", async () => {
  const manager = testManager({ outbox: await dead(3) });
  const { url } = await manager.listen({ port: 0 });
  const replay = async (body: object): Promise<unknown> => (await post(`${url}/api/replay`, body)).json();
  const limited = { all: true, limit: 2 };
  expect(await replay({ ...limited, dry_run: true })).toMatchObject({ remaining: count - 2, dry_run: true });
  expect(await replay(limited)).toMatchObject({ remaining: count - 2, dry_run: false });
  const rest = (await replay({ all: true })) as { replayed: string[]; remaining?: number };
  expect([rest.replayed.length, rest.remaining]).toEqual([count - 2, undefined]);
});
