/** The parts of any JSON text are found where a parser would find them. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseExactly } from "../../src/event/exact-numbers.ts";
import { elementsOf, memberText, startOfValue } from "../../src/event/json-parts.ts";

const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Writes a value in one of the many ways there are. */
function spelling(value: unknown): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(JSON.stringify(value), JSON.stringify(value, undefined, 2)), blank, blank)
    .map(([text, before, after]) => before + text + after);
}

const spelled = fc.jsonValue({ maxDepth: 4 }).chain((value) => spelling(value));

it("of a list: each element", () => {
  fc.assert(
    fc.property(fc.array(spelled), blank, (texts, before) => {
      const text = `${before}[${texts.join(",")}${before}]`;
      const parts = Array.from(elementsOf(text, startOfValue(text, 0)), ({ start, end }) =>
        text.slice(start, end),
      );
      expect(parts).toEqual(texts.map((each) => each.trim()));
    }),
  );
});

it("of an object: the last member of a name, however that is written", () => {
  const member = fc.tuple(fc.oneof(fc.string(), fc.constantFrom("data", '"', "\\", "}")), spelled);
  fc.assert(
    fc.property(fc.array(member), blank, (members, before) => {
      const text = `{${members.map(([key, value]) => `${before}${JSON.stringify(key)}${before}:${value}`).join(",")}}`;
      for (const [key] of members) {
        const last = members.findLast(([name]) => name === key)?.[1].trim();
        expect(memberText(text, key)).toBe(last);
      }
      expect(memberText(text, "no such name, ever")).toBeUndefined();
    }),
  );
});

it("numbers that JavaScript holds are parsed as ever, and all others become their text", () => {
  fc.assert(
    fc.property(spelled, (text) => {
      expect(parseExactly(text)).toEqual(JSON.parse(text));
    }),
  );
  const digits = fc.stringMatching(/^[1-9]\d{20,40}[1-9]$/);
  fc.assert(
    fc.property(digits, spelled, (number, other) => {
      expect(parseExactly(`[${number},${other},-0.${number}]`)).toEqual([
        number,
        JSON.parse(other),
        `-0.${number}`,
      ]);
    }),
  );
});
