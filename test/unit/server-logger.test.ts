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
