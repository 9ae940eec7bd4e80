/** For `npm run mutation`, which takes no notice of a file of tests that cannot even be imported. */
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";

const source = new URL("../../src/", import.meta.url).pathname;
const rooms = ["signing", "security", "routing"].flatMap((room) =>
  readdirSync(`${source}${room}`).map((name) => `${room}/${name}`),
);

it.each([...rooms, "delivery/retry.ts"])("%s loads", async (name) => {
  expect(await import(`${source}${name}`)).toBeDefined();
});
