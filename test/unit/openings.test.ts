import { expect, it } from "vitest";
import { Openings } from "../../src/delivery/http/sockets.ts";

it("opens eight in a turn of the event loop and the others in the next ones, in order", async () => {
  const openings = new Openings();
  const opened: number[] = [];
  for (let n = 0; n < 20; n += 1) openings.ask(() => opened.push(n));
  expect(opened).toHaveLength(8);
  await new Promise(setImmediate);
  expect(opened).toHaveLength(16);
  openings.ask(() => opened.push(20));
  await new Promise(setImmediate);
  expect(opened).toEqual(Array.from({ length: 21 }, (_, n) => n));
});

it("opens at once again after a quiet turn", async () => {
  const openings = new Openings();
  for (let n = 0; n < 8; n += 1) openings.ask(() => undefined);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  const opened: string[] = [];
  openings.ask(() => opened.push("now"));
  expect(opened).toEqual(["now"]);
});
