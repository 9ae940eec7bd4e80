/** What an operator reads on a terminal while a server runs. */
import { expect, test } from "vitest";
import { readableLogger } from "../../src/cli/server-logger.ts";

test("a line has time, level, message and fields; what is below the level is left out", () => {
  const lines: string[] = [];
  const logger = readableLogger("info", (line) => void lines.push(line));
  logger.debug({}, "too much");
  logger.warn({ endpoint_id: "ops", attempt: 2, status: undefined }, "delivery.attempted");
  logger.error({ added: ["a"], reason: "by \u001b[31mhand" }, "broken");
  expect(lines).toEqual([
    expect.stringMatching(/^\d{4}-\S+Z warn {2}delivery\.attempted endpoint_id=ops attempt=2$/),
    expect.stringMatching(/^\S+ error broken added=\["a"\] reason="by \\u001b\[31mhand"$/),
  ]);
});

test("no control character reaches the terminal, from a message, a name or a value", () => {
  const lines: string[] = [];
  const all = [...Array(0xa0).keys()].map((code) => String.fromCharCode(code)).join("");
  const logger = readableLogger("info", (line) => void lines.push(line));
  logger.info({ [`name${all}`]: all, list: [all] }, `message${all}`);
  expect(lines.join()).not.toMatch(/\p{Cc}/u);
  logger.info({ reason: "a\u009b31m b\u007f" }, "two\nlines");
  expect(lines[1]).toMatch(/two\\u000alines reason="a\\u009b31m b\\u007f"$/);
});
