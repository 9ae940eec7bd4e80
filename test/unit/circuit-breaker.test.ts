import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterAttempt,
  afterWait,
  type Circuit,
  closedCircuit,
  withoutWait,
} from "../../src/delivery/policy/circuit-breaker.ts";

const settings = { failures: 5, waitMs: 1000, maxWaitMs: 60_000 };
const longest = (): number => 1;

function fail(circuit: Circuit, times: number, now = 0, random = longest): Circuit {
  let next = circuit;
  for (let time = 0; time < times; time += 1) next = afterAttempt(next, true, settings, now, random);
  return next;
}

/** Probes an open circuit as soon as it may be, and says how that went. */
function probe(circuit: Circuit, failed: boolean): Circuit {
  if (circuit.state !== "open") throw new Error(`Expected an open circuit, got ${circuit.state}`);
  return afterAttempt(afterWait(circuit, circuit.until), failed, settings, circuit.until, longest);
}

describe("a closed circuit", () => {
  it("opens on the fifth failure in a row, not before", () => {
    expect(fail(closedCircuit, 4).state).toBe("closed");
    expect(fail(closedCircuit, 5, 100)).toEqual({ state: "open", openings: 1, until: 1100 });
  });

  it("forgets failures when something is delivered", () => {
    const recovered = afterAttempt(fail(closedCircuit, 4), false, settings, 0, longest);
    expect(fail(recovered, 4).state).toBe("closed");
  });

  it("stays closed for ever without settings", () => {
    let circuit = closedCircuit;
    for (let n = 0; n < 1000; n += 1) circuit = afterAttempt(circuit, true, undefined, 0, longest);
    expect(circuit).toEqual(closedCircuit);
  });
});

describe("an open circuit", () => {
  const open = fail(closedCircuit, 5);

  it("waits for its time, then lets a probe through", () => {
    expect(afterWait(open, 999).state).toBe("open");
    expect(afterWait(open, 1000).state).toBe("half_open");
  });

  it("does not care how attempts end that were begun before", () => {
    expect(afterAttempt(open, false, settings, 500, longest)).toBe(open);
    expect(fail(open, 10, 500)).toBe(open);
  });

  it("can be told not to wait", () => {
    expect(afterWait(withoutWait(open, 10), 10).state).toBe("half_open");
    expect(withoutWait(closedCircuit, 10)).toBe(closedCircuit);
  });
});

describe("a half-open circuit", () => {
  it("closes when its probe is delivered, and needs five failures again", () => {
    const closed = probe(fail(closedCircuit, 5), false);
    expect(closed).toEqual(closedCircuit);
    expect(fail(closed, 4).state).toBe("closed");
  });

  it("opens again when its probe fails, for twice as long each time, up to a minute", () => {
    let circuit = fail(closedCircuit, 5);
    const waits: number[] = [];
    for (let opening = 0, before = 0; opening < 9; opening += 1) {
      if (circuit.state !== "open") throw new Error("Expected an open circuit");
      waits.push(circuit.until - before);
      before = circuit.until;
      circuit = probe(circuit, true);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it("begins with the short wait again after it was closed", () => {
    const second = probe(probe(fail(closedCircuit, 5), true), false);
    expect(fail(second, 5, 0)).toEqual({ state: "open", openings: 1, until: 1000 });
  });
});

it("the wait is half to the whole of what is planned, as chance has it", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
      const circuit = fail(closedCircuit, 5, 0, () => chance);
      if (circuit.state !== "open") throw new Error("Expected an open circuit");
      expect(circuit.until).toBeGreaterThanOrEqual(500);
      expect(circuit.until).toBeLessThanOrEqual(1000);
    }),
  );
});
