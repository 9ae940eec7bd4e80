import { describe, expect, it } from "vitest";
import { Gate } from "../../src/delivery/gate.ts";

describe("the gate over all lanes", () => {
  it("lets in as many as its limit, and the next when one leaves", async () => {
    const gate = new Gate(2);
    expect(gate.enter(false)).toBeUndefined();
    expect(gate.enter(false)).toBeUndefined();
    const order: string[] = [];
    const third = gate.enter(false)?.then(() => order.push("third"));
    const fourth = gate.enter(false)?.then(() => order.push("fourth"));
    gate.leave();
    await third;
    expect(order).toEqual(["third"]);
    gate.leave();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
  });

  it("never keeps a lane's first attempt out, and takes its place back afterwards", async () => {
    const gate = new Gate(1);
    expect(gate.enter(false)).toBeUndefined();
    expect(gate.enter(true)).toBeUndefined();
    let entered = false;
    const waiting = gate.enter(false)?.then(() => {
      entered = true;
    });
    gate.leave();
    await Promise.resolve();
    expect(entered).toBe(false);
    gate.leave();
    await waiting;
    expect(entered).toBe(true);
  });
});
