/** The house as tests see it: every source file with what it imports, and the circles among them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const house = new URL("../..", import.meta.url).pathname;

export function filesBelow(folder: string): string[] {
  return readdirSync(join(house, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

export function sourceOf(file: string): string {
  return readFileSync(join(house, file), "utf8");
}

/** A source without its comments. */
export function codeOf(file: string): string {
  return sourceOf(file).replaceAll(/\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/gs, "");
}

/** What a file imports or re-exports by name, types and later imports too. */
export function specifiersOf(file: string): string[] {
  const specifiers = sourceOf(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...specifiers].map((match) => match[1] ?? "");
}

export function resolveRelative(file: string, specifier: string): string {
  return relative(house, join(house, dirname(file), specifier));
}

export function importsOf(file: string): string[] {
  return specifiersOf(file)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => resolveRelative(file, specifier));
}

/** The ways that lead back to where they began, one for each file found to be on such a way. */
export function circlesAmong(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  function visit(file: string, way: readonly string[]): void {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" → "));
    if (way.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  }
  for (const file of imports.keys()) visit(file, []);
  return circles;
}

/**
 * Fields that other files could assign: public ones of classes, setters, and members of exported records, wherever they
 * are not `readonly`. With none of them, the compiler refuses every such assignment.
 */
export function openFields(source: string): string[] {
  const found: string[] = [];
  let inside: { readonly name: string; readonly pattern: RegExp } | undefined;
  for (const line of source.split("\n")) {
    const [, kind, name = ""] =
      /^(?:export )?(?:abstract )?(class) (\w+)/.exec(line) ??
      /^export (?:declare )?(interface) (\w+)/.exec(line) ??
      /^export (type) (\w+).* (?:\{|&)$/.exec(line) ??
      [];
    if (kind !== undefined) inside = { name, pattern: kind === "class" ? classField : recordField };
    else if (/^\S/.test(line)) inside = undefined;
    const { field, setter = field } = inside?.pattern.exec(line)?.groups ?? {};
    if (setter !== undefined) found.push(`${inside?.name}.${setter}`);
  }
  return found;
}

const classField =
  /^ {2}(?:(?:public|protected|static|declare|override) )*(?:set (?<setter>\w+)\(|(?!readonly|private)(?<field>\w+)[?!]?(?::| =|;))/;
const recordField = /^ {2}(?!readonly )(?<field>\w+|"[^"]+"|\[[^\]]+\])\??: /;
