/** The program's own functions that want events. */
import { expect, it } from "vitest";
import type { Logger } from "../../src/event/logger.ts";
import { createWebhookEvent } from "../../src/event/webhook-event.ts";
import { EventHandlers } from "../../src/routing/event-handlers.ts";

const event = createWebhookEvent({ type: "cache.updated", data: {}, occurredAt: 0 });

function handlers(): { readonly logged: unknown[]; readonly all: EventHandlers } {
  const logged: unknown[] = [];
  const ignore = (): void => undefined;
  const logger: Logger = {
    ...{ trace: ignore, debug: ignore, info: ignore, warn: ignore, fatal: ignore },
    error: (...said: unknown[]) => void logged.push(said),
  };
  return { logged, all: new EventHandlers(logger) };
}

it("are called with the events their pattern covers, each once, and no others", () => {
  const { all } = handlers();
  const heard: string[] = [];
  const twice = (): unknown => heard.push("cache");
  for (let n = 0; n < 2; n += 1) all.add("cache.*", twice);
  all.add("cache.*", () => heard.push("cache too"));
  all.add("*", ({ event_type }) => heard.push(event_type));
  all.add("error.occurred", () => heard.push("error"));
  all.call(event);
  expect(heard).toEqual(["cache", "cache too", "cache.updated"]);
});

it("say which types are wanted, also after some were taken away", () => {
  const { all } = handlers();
  const [one, other] = [() => 1, () => 2];
  expect(all.wants("cache.updated")).toBe(false);
  all.add("cache.*", one);
  all.add("cache.*", other);
  expect([all.wants("cache.updated"), all.wants("error.occurred")]).toEqual([true, false]);
  expect([all.remove("cache.*", one), all.remove("cache.*", one)]).toEqual([true, false]);
  expect(all.wants("cache.updated")).toBe(true);
  expect(all.remove("cache.*", other)).toBe(true);
  expect(all.wants("cache.updated")).toBe(false);
  expect(all.remove("never.*", other)).toBe(false);
});

it("that throw or reject are logged with the type, and disturb nobody", async () => {
  const { all, logged } = handlers();
  const thrown = new Error("thrown");
  const rejected = new Error("rejected");
  const heard: unknown[] = [];
  all.add("*", () => {
    throw thrown;
  });
  all.add("*", () => Promise.reject(rejected));
  all.add("*", (got) => heard.push(got));
  all.call(event);
  await Promise.resolve();
  expect(heard).toEqual([event]);
  expect(logged).toEqual(
    [thrown, rejected].map((err) => [{ err, event_type: "cache.updated" }, "event handler failed"]),
  );
});
