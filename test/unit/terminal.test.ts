/** How commands lay out what they print. */
import { styleText } from "node:util";
import { expect, it } from "vitest";
import { columns } from "../../src/cli/terminal.ts";

it("columns are as wide as what is seen: colour takes no room", () => {
  const red = styleText("red", "12", { validateStream: false });
  expect(columns(["dead", "since"], [[red, "a"], ["0"]])).toBe(`dead  since\n${red}    a\n0`);
});
