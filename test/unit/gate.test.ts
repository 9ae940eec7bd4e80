import { describe, expect, it } from "vitest";
import { Gate } from "../../src/delivery/lane/gate.ts";

const [one, other] = [{}, {}];

describe("the gate over all lanes", () => {
  it("lets in as many as its limit, and the next when one leaves", async () => {
    const gate = new Gate(2);
    expect(gate.enter(one)).toBeUndefined();
    expect(gate.enter(one)).toBeUndefined();
    const order: string[] = [];
    const third = gate.enter(one)?.then(() => order.push("third"));
    const fourth = gate.enter(one)?.then(() => order.push("fourth"));
    gate.leave(one);
    await third;
    expect(order).toEqual(["third"]);
    gate.leave(one);
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
  });

  it("always has room for one attempt of a lane, and one after the other of what waits there", async () => {
    const gate = new Gate(1);
    expect(gate.enter(one)).toBeUndefined();
    expect(gate.enter(other)).toBeUndefined();
    const order: string[] = [];
    const second = gate.enter(other)?.then(() => order.push("second"));
    const third = gate.enter(other)?.then(() => order.push("third"));
    gate.leave(other);
    await second;
    gate.leave(other);
    await third;
    expect(order).toEqual(["second", "third"]);
  });

  it("gives room that comes up to another lane that waits", async () => {
    const gate = new Gate(2);
    expect(gate.enter(one)).toBeUndefined();
    expect(gate.enter(one)).toBeUndefined();
    expect(gate.enter(other)).toBeUndefined();
    let entered = false;
    const waiting = gate.enter(other)?.then(() => {
      entered = true;
    });
    gate.leave(one);
    await Promise.resolve();
    expect(entered).toBe(false);
    gate.leave(one);
    await waiting;
    expect(entered).toBe(true);
  });
});
