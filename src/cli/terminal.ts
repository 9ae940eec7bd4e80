/** How commands speak: data on stdout, messages on stderr, JSON on demand, colour only on a terminal. */
import { createInterface } from "node:readline/promises";
import { stripVTControlCharacters, styleText } from "node:util";
import { WebhookError } from "../event/errors.ts";
import { visible } from "./visible.ts";

type Style = Parameters<typeof styleText>[0];

/** Prints data: one JSON document with `--json`, else what `show` makes of it. */
export function print<Data>(data: Data, json: boolean, show: (data: Data) => string): void {
  process.stdout.write(`${json ? visible(JSON.stringify(data)) : show(data)}\n`);
}

/** Says something that is not data: progress, what happens next. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Colours a text where stdout is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string): string {
  const plain =
    !process.stdout.isTTY || (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb";
  return plain ? text : styleText(style, text, { validateStream: false });
}

/** Columns as wide as their widest cell. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return [paint("bold", line(head)), ...rows.map(line)].join("\n");
}

/** A point in time as people and programs read it. */
export function at(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

/** Wrong usage or configuration is 2, everything else that failed is 1. */
export function exitCodeOf(error: unknown): 1 | 2 {
  const usage = [
    "CONFIG_INVALID",
    "ENDPOINT_INVALID",
    "ENDPOINT_BLOCKED",
    "SECRET_INVALID",
    "PLUGIN_INVALID",
  ];
  const more = [
    "PLUGIN_UNKNOWN",
    "EVENT_TYPE_UNKNOWN",
    "DEPENDENCY_MISSING",
    "DATA_UNSERIALISABLE",
    "EVENT_ID_INVALID",
  ];
  return WebhookError.is(error) && [...usage, ...more].includes(error.code) ? 2 : 1;
}

/** Asks somebody who sits at a terminal; a script that calls it has decided already. */
export async function agrees(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
