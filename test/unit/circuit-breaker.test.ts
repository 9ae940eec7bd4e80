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

describe("a circuit that looks at the share of failures", () => {
  const rate = { failureRate: 0.5, windowMs: 60_000, minimum: 20 };
  const withRate = { ...settings, rate };

  /** Attempts a second apart, of which every fifth succeeds. */
  function fourOfFive(attempts: number, everyMs = 1000, from: Circuit = closedCircuit): Circuit {
    let circuit = from;
    for (let n = 1; n <= attempts; n += 1) {
      circuit = afterAttempt(circuit, n % 5 !== 0, withRate, n * everyMs, longest);
    }
    return circuit;
  }

  it("opens where four of five fail, once enough was tried", () => {
    expect(fourOfFive(20, 1000).state).toBe("closed");
    expect(fourOfFive(21, 1000)).toMatchObject({ state: "open", openings: 1, until: 22_000 });
    const { failureRate = 0 } = fourOfFive(21, 1000) as { readonly failureRate?: number };
    expect(failureRate).toBeCloseTo(17 / 21);
  });

  it("is never opened by a success, and stays closed where fewer fail", () => {
    let circuit = closedCircuit;
    for (let n = 1; n <= 1000; n += 1) {
      circuit = afterAttempt(circuit, n % 5 === 0, withRate, n * 1000, longest);
    }
    expect(circuit.state).toBe("closed");
  });

  it("forgets what is older than the window, and holds no more than eleven slices of it", () => {
    expect(fourOfFive(100, 6000).state).toBe("closed");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20_000), fc.boolean()), { maxLength: 200 }), (attempts) => {
        let [circuit, now] = [closedCircuit, 0];
        const lenient = { failures: 1e9, waitMs: 1, maxWaitMs: 1, rate: { ...rate, minimum: 1e9 } };
        for (const [waitMs, failed] of attempts) {
          now += waitMs;
          circuit = afterAttempt(circuit, failed, lenient, now, longest);
        }
        expect((circuit as { slices?: readonly unknown[] }).slices?.length ?? 0).toBeLessThanOrEqual(11);
      }),
    );
  });

  it("begins anew after a probe that succeeded", () => {
    const open = fourOfFive(21, 1000);
    const closed = probe(open, false);
    expect(closed).toEqual(closedCircuit);
    expect(fourOfFive(20, 1000, closed).state).toBe("closed");
  });
});
