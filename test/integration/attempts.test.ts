/** Attempts over all deliveries: by endpoint, outcome, status and time, newest or oldest first, page by page. */
import { memoryOutbox, type AttemptQuery, type WebhookManager } from "mova-webhooks";
import { beforeEach, expect, it } from "vitest";
import { attemptOf, submissionOf } from "../../src/testing/outbox-subject.ts";
import { testManager } from "../support/pipeline.ts";
import { ask } from "../support/server.ts";

const start = 1_700_000_000_000;
let manager: WebhookManager;

/** Ten events, a second apart: those of `ops` fail twice with 500 and with a timeout, those of `audit` succeed. */
beforeEach(async () => {
  let now = start;
  const outbox = memoryOutbox({ now: () => now });
  const subject = { now: () => now } as Parameters<typeof submissionOf>[0];
  for (let n = 0; n < 10; n += 1) {
    now = start + n * 1000;
    const endpointId = n % 2 === 0 ? "ops" : "audit";
    await outbox.put([submissionOf(subject, `evt_${n}`, [endpointId], { type: `order.n${n}` })]);
    const made =
      endpointId === "ops"
        ? ([{ outcome: "http_5xx", status: 500 }, { outcome: "timeout" }] as const)
        : ([{ outcome: "success", status: 200 }] as const);
    for (const [index, each] of made.entries()) {
      const [claim] = (await outbox.claim(endpointId, 1)).claims;
      if (claim === undefined) throw new Error("Expected a claim");
      const attempt = { ...attemptOf(claim), startedAt: now + index, ...each };
      const isLast = index === made.length - 1;
      await outbox.settle(
        claim,
        isLast ? { kind: "delivered" } : { kind: "retry", dueAt: now, reason: "x" },
        attempt,
      );
    }
  }
  manager = testManager({ outbox });
});

async function listed(query: AttemptQuery): Promise<string[]> {
  const { attempts } = await manager.attempts(query);
  return attempts.map(({ eventId, number, outcome }) => `${eventId.slice(4)}.${number} ${outcome}`);
}

it("are listed newest first, or oldest first", async () => {
  const all = await listed({});
  expect(all).toHaveLength(15);
  expect(all.slice(0, 3)).toEqual(["9.1 success", "8.2 timeout", "8.1 http_5xx"]);
  expect(await listed({ order: "oldest" })).toEqual(all.toReversed());
});

it.each<[AttemptQuery, readonly string[]]>([
  [{ endpointId: "ops", outcome: "timeout", until: start + 3000 }, ["2.2 timeout", "0.2 timeout"]],
  [{ status: "5xx", since: start + 6000 }, ["8.1 http_5xx", "6.1 http_5xx"]],
  [{ status: "200", eventType: ["order.n1", "order.n2"] }, ["1.1 success"]],
  [{ status: "404" }, []],
  [{ eventId: "evt_0", since: start + 1 }, ["0.2 timeout"]],
])("are found by %j", async (query, found) => {
  expect(await listed(query)).toEqual(found);
});

it.each(["newest", "oldest"] as const)("come page by page, %s first, each once", async (order) => {
  const { url } = await manager.listen({ port: 0 });
  const seen: string[] = [];
  let cursor = "";
  do {
    const answer = await ask(`${url}/api/attempts?limit=4&order=${order}${cursor}`);
    const page = answer.json() as Awaited<ReturnType<WebhookManager["attempts"]>>;
    seen.push(...page.attempts.map(({ deliveryId, number }) => `${deliveryId} ${number}`));
    cursor = page.cursor === undefined ? "" : `&cursor=${encodeURIComponent(page.cursor)}`;
  } while (cursor !== "");
  const all = (await manager.attempts({ order })).attempts;
  expect(seen).toEqual(all.map(({ deliveryId, number }) => `${deliveryId} ${number}`));
});

it("are refused what is wrong by name", async () => {
  const { url } = await manager.listen({ port: 0 });
  for (const query of ["status=6xx", "outcome=bad", "order=up", "cursor=zzz", "state=dead"]) {
    expect((await ask(`${url}/api/attempts?${query}`)).status).toBe(400);
  }
  await expect(manager.attempts({ status: 500 as never })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
