/** Reads the README and the pages beside it as their readers do: by heading, block, table and link. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
};

export function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

export function sorted(names: Iterable<string>): readonly string[] {
  return [...names].sort();
}

export interface Page {
  readonly path: string;
  readonly text: string;
}

function pageAt(path: string): Page {
  return { path, text: read(path) };
}

export const readme = pageAt("README.md");
export const docs: readonly Page[] = readdirSync(`${root}docs`)
  .sort()
  .map((name) => pageAt(`docs/${name}`));

/** Whose blocks are run, and whose tables are compared with the code; the README first. */
export const pages: readonly Page[] = [
  readme,
  ...docs,
  ...["CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"].map(pageAt),
];
export const everyText = pages.map(({ text }) => text).join("\n");

export interface Block {
  readonly page: string;
  readonly language: string;
  /** What follows the language: `run`, or the file that holds the same text. */
  readonly note: string;
  readonly text: string;
}

const fenced = /^```(\w*) ?([^\n]*)\n(.*?)^```$/gms;

export const blocks: readonly Block[] = pages.flatMap(({ path, text }) =>
  [...text.matchAll(fenced)].map(([, language = "", note = "", inside = ""]) => ({
    page: path,
    language,
    note,
    text: inside,
  })),
);

export function blocksOf(language: string, note = ""): readonly string[] {
  return blocks.filter((block) => block.language === language && block.note === note).map(({ text }) => text);
}

/** Where the links of a page lead, blocks and code aside. */
export function linksOf({ text }: Page): readonly string[] {
  const prose = text.replaceAll(fenced, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** Files and folders of ours that a page names in its text; what a user would have is not among them. */
export function pathsOf({ text }: Page): readonly string[] {
  const places = /^(src|plugins|test|grafana|docs|\.ci)\/[\w./-]*$/;
  return codes(text.replaceAll(fenced, "")).filter((code) => places.test(code));
}

/** The anchors of a page, made of its headings as GitHub makes them. */
export function anchorsOf({ text }: Page): readonly string[] {
  return [...text.replaceAll(fenced, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** Rows of the table under a heading whose head begins with these cells, each a list of cells. */
export function table(heading: string, ...head: readonly string[]): readonly (readonly string[])[] {
  const lines = sectionOf(heading);
  const start = lines.findIndex((line) => line.startsWith(`| ${head.join(" | ")} |`));
  if (start === -1) throw new Error(`no table of ${heading} begins with ${head.join(", ")}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.slice(start + 2, start + length).map(cellsOf);
}

/** The lines under a heading, which stands on one page only: a page's title, or a section's. */
function sectionOf(heading: string): readonly string[] {
  const found = pages.flatMap(({ text }) => {
    const lines = text.split("\n");
    const start = lines.findIndex((line) => line === `# ${heading}` || line === `## ${heading}`);
    return start === -1 ? [] : [lines.slice(start)];
  });
  const [lines = []] = found;
  if (found.length !== 1) throw new Error(`${found.length} pages have the heading ${heading}`);
  const next = lines.findIndex((line, at) => at > 0 && /^##? /.test(line) && !lines[0]?.startsWith("# "));
  return next === -1 ? lines : lines.slice(0, next);
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
