import { memoryOutbox, WebhookManager } from "mova-webhooks";
import { afterEach, describe, expect, it } from "vitest";
import { submission } from "../support/submission.ts";

const managers: WebhookManager[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

function createManager(): WebhookManager {
  const manager = new WebhookManager({ config: false, eventTypes: ["order.*"] });
  managers.push(manager);
  return manager;
}

/** As programs call that no compiler checks. */
function untyped(
  manager: WebhookManager,
): Record<"find" | "replay" | "listen", (given: unknown) => Promise<unknown>> {
  return {
    find: (given) => manager.find(given as object),
    replay: (given) => manager.replay(given as object),
    listen: (given) => manager.listen(given as object),
  };
}

const conditions = "eventId, endpointId, eventType, since, until, limit, state";

describe("a call with a mistake", () => {
  it.each([
    [
      "replay",
      { endpoint: "a", state: "dead" },
      "In the options of `replay()`: unknown key `endpoint`; did you mean `endpointId`?",
    ],
    ["replay", { dry_run: true }, "unknown key `dry_run`; did you mean `dryRun`?"],
    ["replay", { cursor: "1.1" }, `Known here: ${conditions}, deliveryIds, dryRun`],
    ["replay", { state: "pending" }, "Expected `state` of `replay()` to be dead or delivered"],
    ["replay", { dryRun: "yes" }, "Expected `dryRun` of `replay()` to be true or false"],
    ["replay", { deliveryIds: "dlv_1" }, "Expected `deliveryIds` of `replay()` to be a list of texts"],
    ["replay", undefined, "Expected `options` of `replay()` to be an object, got undefined"],
    ["find", { endpiontId: "a" }, `did you mean \`endpointId\`? Known here: ${conditions}, order, cursor`],
    [
      "find",
      { since: "2030-01-01" },
      "Expected `since` of `find()` to be a finite number of Unix milliseconds",
    ],
    [
      "find",
      { until: Number.NaN },
      "Expected `until` of `find()` to be a finite number of Unix milliseconds",
    ],
    ["find", { state: "deadd" }, "Expected `state` of `find()` to be pending, delivering, delivered or dead"],
    ["find", { limit: -1 }, "Expected `limit` of `find()` to be a whole number from 1"],
    ["find", { limit: "a" }, "Expected `limit` of `find()` to be a whole number from 1"],
    ["find", { endpointId: "" }, "Expected `endpointId` of `find()` to be a text that is not empty"],
    ["find", { cursor: 7 }, "Expected `cursor` of `find()` to be a text that is not empty"],
    ["find", { cursor: "zzz" }, "The `cursor` is not one that a page of this outbox gave"],
    ["find", [], "Expected `options` of `find()` to be an object, got a list"],
    ["listen", { tokn: "x" }, "unknown key `tokn`; did you mean `token`? Known here: host, port, token"],
    ["listen", { port: "x" }, "Expected `port` of `listen()` to be a whole number from 0 to 65535"],
    ["listen", { token: null }, "Expected `token` of `listen()` to be a text that is not empty"],
  ] as const)("%s(%o) is refused", async (name, given, expected) => {
    await expect(untyped(createManager())[name](given)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(expected),
    });
  });

  it("is refused also where a manager is created", () => {
    expect(() => new WebhookManager({ config: false, endpoint: [] } as object)).toThrow(
      /options of `new WebhookManager\(\)`: unknown key `endpoint`; did you mean `endpoints`\?/,
    );
    expect(() => new WebhookManager([] as object)).toThrow(
      /`options` of `new WebhookManager\(\)` to be an object, got a list/,
    );
  });

  it("replays nothing", async () => {
    const outbox = memoryOutbox();
    await outbox.put([submission("1", { type: "order.paid" })]);
    await outbox.bury("ops", "test");
    const manager = new WebhookManager({ config: false, outbox });
    managers.push(manager);
    await expect(untyped(manager).replay({ dry_run: true })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
    expect((await manager.find({ state: "dead" })).deliveries).toMatchObject([{ id: "dlv_1", replays: 0 }]);
    expect(await manager.replay({ dryRun: true })).toEqual(["dlv_1"]);
  });
});

it("a call takes what is undefined as not given", async () => {
  const manager = createManager();
  const query = { endpointId: undefined, since: undefined, limit: undefined };
  expect(await untyped(manager).find(query)).toEqual({ deliveries: [] });
  expect(await untyped(manager).replay({ ...query, deliveryIds: undefined })).toEqual([]);
});
