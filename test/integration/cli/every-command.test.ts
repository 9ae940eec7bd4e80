/** What holds for every command: help with an example, wrong usage, pipes. */
import { describe, expect, it } from "vitest";
import { cli, cliUnread } from "../../support/cli.ts";

const commands = [
  "demo",
  "serve",
  "send",
  "listen",
  "deliveries list",
  "deliveries show",
  "deliveries replay",
  "explain",
  "status",
  "endpoints list",
  "endpoints enable",
  "endpoints disable",
  "doctor",
  "config check",
  "secret",
  "sign",
  "verify",
];

describe("every command", () => {
  it.each(commands)("%s has a help with an example", async (command) => {
    const { code, out } = await cli([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`Example:\n  $ `);
    expect(out).toContain(`mova-webhooks ${command}`);
  });

  it.each([
    [["fly"]],
    [["secret", "--loud"]],
    [["send"]],
    [["deliveries", "list", "--state", "lost"]],
    [["listen", "--fail", "sometimes"]],
    [["listen", "--fail", "101"]],
    [["listen", "--forward", "ftp://127.0.0.1/"]],
    [["listen", "--forward", "nowhere"]],
    [["sign", "{}", "--algorithm", "md5"]],
    [["verify", "{}", "-H", "a: b", "--require", "none"]],
    [["serve", "--port", "70000"]],
  ])("%j is wrong usage: exit 2, said on stderr", async (args) => {
    const { code, out, err } = await cli(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("error:");
  });

  it("ends quietly when nobody reads on", async () => {
    expect(await cliUnread(["secret"])).toEqual({ code: 0, err: "" });
  });

  it("prints no colour into a pipe", async () => {
    const { out, err } = await cli(["doctor"]);
    expect(out + err).not.toContain("\u001b[");
  });
});
