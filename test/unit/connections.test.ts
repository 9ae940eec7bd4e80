import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import { type Connection, Connections } from "../../src/delivery/http/connections.ts";
import { Openings } from "../../src/delivery/http/openings.ts";

/** Nothing is sent, so nothing connects. */
function connections(): Connections {
  return new Connections("http://127.0.0.1:9", () => () => undefined, new Openings());
}

it("every use runs in the context it was asked for in, whoever opens or gives back the connection", async () => {
  const storage = new AsyncLocalStorage<number>();
  const pool = connections();
  const contexts: (number | undefined)[] = [];
  const lent: Connection[] = [];
  for (let n = 0; n < 20; n += 1) {
    storage.run(n, () =>
      pool.take((connection) => {
        contexts.push(storage.getStore());
        lent.push(connection);
      }),
    );
  }
  expect(contexts).toHaveLength(8);
  storage.run(-1, () => pool.release(lent[0] as Connection, true));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(contexts).toEqual(Array.from({ length: 20 }, (_, n) => n));
  pool.cutAll();
});

it("one that is given back goes to who waits, and one that went wrong to nobody", async () => {
  const pool = connections();
  const lent: Connection[] = [];
  for (let n = 0; n < 10; n += 1) pool.take((connection) => lent.push(connection));
  pool.release(lent[0] as Connection, true);
  pool.release(lent[1] as Connection, false);
  expect(lent).toHaveLength(9);
  expect(lent[8]).toBe(lent[0]);
  await new Promise(setImmediate);
  expect(lent).toHaveLength(10);
  expect(new Set(lent).size).toBe(9);
  expect(lent[9]).not.toBe(lent[1]);
  pool.cutAll();
});
