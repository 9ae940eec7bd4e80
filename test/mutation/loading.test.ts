/** For `npm run mutation`, which takes no notice of a file of tests that cannot even be imported. */
import { expect, it } from "vitest";

const rooms = import.meta.glob(["../../src/{signing,security,routing}/*.ts", "../../src/delivery/retry.ts"]);

it.each(Object.entries(rooms))("%s loads", async (_, load) => {
  expect(await load()).toBeDefined();
});
