/** Which event types are known, and what is said of those that are not. */
import { expect, it } from "vitest";
import { isEventPattern, isEventType } from "../../src/event/event-types.ts";
import { KnownTypes } from "../../src/event/known-types.ts";
import { nearestNames } from "../../src/event/nearest-names.ts";
import { unknownKey } from "../../src/settings/unknown-key.ts";

it("the nearest known types are named, best first", () => {
  expect(nearestNames("cache.update", ["redis.connected", "cache.cleared", "cache.updated"], 2)).toEqual([
    "cache.updated",
    "cache.cleared",
  ]);
});

it("what the program itself lists is named first where it resembles the type", () => {
  const types = new KnownTypes(["order.paid", "parcel.*"]);
  expect(() => types.check("order.payed")).toThrow(/nearest are order\.paid, /);
  expect(types.whyUnmatched("order.payed", [], true)).toMatch(/nearest are order\.paid, /);
  expect(() => types.check("cache.updatd")).toThrow(/nearest are cache\.updated, /);
});

it("the case of letters makes no difference to what is near", () => {
  expect(nearestNames("ORDER.PAID", ["cache.cleared", "order.paid"], 1)).toEqual(["order.paid"]);
  expect(unknownKey("EVENTTYPES", ["url", "eventTypes"])).toContain("did you mean `eventTypes`?");
});

it("a key that ends in the name of another is suggested that one", () => {
  expect(unknownKey("event_type", ["event_id", "type"])).toContain("did you mean `type`?");
  expect(unknownKey("secret_fil", ["secret", "secret_file"])).toContain("did you mean `secret_file`?");
});

it("of an endless name only the beginning is compared and shown", () => {
  // Compared as a whole, this would take minutes.
  const endless = "cache.updated".repeat(4_000_000);
  const types = new KnownTypes([]);
  expect(() => types.check(endless)).toThrow(/^.{0,400}$/s);
  expect(types.whyUnmatched(endless, [], true)).toMatch(/^.{0,400}$/s);
  expect(types.whyUnmatched(`${endless}.*`, [], true)).toMatch(/^.{0,400}$/s);
  expect(unknownKey(endless, ["url", "secret"])).toMatch(/^.{0,400}$/s);
});

it.each([
  ["retry_schedule", "unknown key `retry_schedule`. Known here: url, eventTypes, typePrefix"],
  ["event_types", "did you mean `eventTypes`? Known here: url, eventTypes, typePrefix"],
  ["prefix", "did you mean `typePrefix`?"],
])("a key is suggested only where it resembles the unknown one: %s", (key, said) => {
  expect(unknownKey(key, ["url", "eventTypes", "typePrefix"])).toContain(said);
});

it("no name is longer than 128 characters", () => {
  const longest = `a.${"b".repeat(126)}`;
  expect([isEventType(longest), isEventType(`${longest}b`)]).toEqual([true, false]);
  expect([isEventPattern(`${"a".repeat(126)}.*`), isEventPattern(`${"a".repeat(127)}.*`)]).toEqual([
    true,
    false,
  ]);
});
