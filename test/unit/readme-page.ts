/** Reads the README as its readers do: by heading, block and table. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const readme = readFileSync(`${root}README.md`, "utf8");

export const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts: Readonly<Record<string, string>>;
};

export function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

export function sorted(names: Iterable<string>): readonly string[] {
  return [...names].sort();
}

export interface Block {
  readonly language: string;
  /** What follows the language: `run`, or the file that holds the same text. */
  readonly note: string;
  readonly text: string;
}

export const blocks: readonly Block[] = [...readme.matchAll(/^```(\w*) ?([^\n]*)\n(.*?)^```$/gms)].map(
  ([, language = "", note = "", text = ""]) => ({ language, note, text }),
);

export function blocksOf(language: string, note = ""): readonly string[] {
  return blocks.filter((block) => block.language === language && block.note === note).map(({ text }) => text);
}

/** Rows of the table under a heading whose head begins with these cells, each a list of cells. */
export function table(heading: string, ...head: readonly string[]): readonly (readonly string[])[] {
  const lines = readme.split("\n");
  const section = lines.findIndex((line) => line === `## ${heading}`);
  const start = lines.findIndex((line, at) => at > section && line.startsWith(`| ${head.join(" | ")} |`));
  if (section === -1 || start === -1)
    throw new Error(`no table of ${heading} begins with ${head.join(", ")}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.slice(start + 2, start + length).map(cellsOf);
}

function cellsOf(line: string): readonly string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

/** The texts in backticks. */
export function codes(cell = ""): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** The first text in backticks of each row. */
export function firstCodes(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.map(([first]) => codes(first)[0] ?? "");
}

/** Commands of all `sh` blocks, without comments, redirections, settings of variables, and line ends. */
export const commands: readonly (readonly string[])[] = blocksOf("sh")
  .flatMap((text) => text.replaceAll("\\\n", " ").split(/\n|&&/))
  .map((line) => (line.replace(/(^|\s)(#.*|> \S+)/, "").match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map(unquote))
  .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
  .filter(([first]) => first !== undefined);

function unquote(word: string): string {
  return word.replace(/^(['"])(.*)\1$/, "$2");
}

/** Names of the members of an interface, from its source. */
export function membersOf(file: string, name: string): readonly string[] {
  const source = readFileSync(`${root}${file}`, "utf8");
  const [, body = ""] = new RegExp(`interface ${name}\\b[^\\n]*\\{\\n(.*?)^\\}`, "ms").exec(source) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = ""]) => member);
}
