import { describe, expect, it } from "vitest";
import { type FailingSpell, nextSpell } from "../../src/delivery/policy/failing-spell.ts";

const hour = 3_600_000;
const limitMs = 120 * hour;

/** Goes through attempts given by their hour and whether they were delivered; tells what followed, by hour. */
function walk(
  attempts: readonly (readonly [atHour: number, delivered: boolean])[],
  limit?: number,
): string[] {
  const followed: string[] = [];
  let spell: FailingSpell | undefined;
  for (const [atHour, delivered] of attempts) {
    const step = nextSpell(spell, delivered, limit ?? limitMs, atHour * hour);
    spell = step.spell;
    if (step.warn !== undefined) followed.push(`${atHour} h: ${step.warn} %`);
    if (step.disable) followed.push(`${atHour} h: disable`);
  }
  return followed;
}

const failEvery = (hours: number, until: number): [number, boolean][] =>
  Array.from({ length: Math.floor(until / hours) + 1 }, (_, index) => [index * hours, false]);

describe("an endpoint that does nothing but fail", () => {
  it("is warned of at 50, 70 and 90 % of the limit, once each, and disabled at its end", () => {
    expect(walk(failEvery(1, 120))).toEqual(["60 h: 50 %", "84 h: 70 %", "108 h: 90 %", "120 h: disable"]);
  });

  it("is warned of with the highest of several that passed at once", () => {
    expect(
      walk([
        [0, false],
        [50, false],
        [100, false],
        [110, false],
      ]),
    ).toEqual(["100 h: 70 %", "110 h: 90 %"]);
  });

  it("starts anew after every success", () => {
    expect(walk([...failEvery(1, 119), [119.5, true], [120, false], [150, false]])).toEqual([
      "60 h: 50 %",
      "84 h: 70 %",
      "108 h: 90 %",
    ]);
  });

  it("starts anew after a long pause: failures far apart are no lasting failure", () => {
    expect(
      walk([
        [0, false],
        [100, false],
        [200, false],
        [300, false],
      ]),
    ).toEqual([]);
  });

  it("tells since when it fails, also where it is never disabled", () => {
    const first = nextSpell(undefined, false, undefined, 10).spell;
    const later = nextSpell(first, false, undefined, 1e15);
    expect(later).toMatchObject({ spell: { since: 10 }, disable: false });
    expect(nextSpell(later.spell, true, undefined, 1e15).spell).toBeUndefined();
  });
});
