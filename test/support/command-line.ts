/** The command line as data: its commands, and what is wrong with the words of a call, without calling anything. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { root } from "./pages.ts";

export async function commandLine(): Promise<readonly Command[]> {
  const files = readdirSync(`${root}src/cli`).filter((name) => name.endsWith("-command.ts"));
  const modules = await Promise.all(
    files.map((name) => import(join(root, "src/cli", name)) as Promise<Record<string, () => Command>>),
  );
  return modules.flatMap((module) => Object.values(module).map((create) => create()));
}

export function leavesOf(
  command: Command,
  prefix = "",
): readonly { readonly name: string; readonly command: Command }[] {
  const name = `${prefix}${command.name()}`;
  return command.commands.length === 0
    ? [{ name, command }]
    : command.commands.flatMap((sub) => leavesOf(sub, `${name} `));
}

/** Parses as the command line does, but does nothing. */
export async function cliProblem(words: readonly string[]): Promise<string | undefined> {
  let command = (await commandLine()).find((each) => each.name() === words[0]);
  let rest = words.slice(1);
  while (command !== undefined && command.commands.length > 0) {
    command = command.commands.find((each) => each.name() === rest[0]);
    rest = rest.slice(1);
  }
  if (command === undefined) return "no such command";
  try {
    await command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action(() => {})
      .parseAsync(rest, { from: "user" });
    return undefined;
  } catch (error) {
    return String(error);
  }
}
