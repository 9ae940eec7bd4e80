/** Parses a configuration file and checks its `webhook:` section. All mistakes are found, each with its place. */
import { createRequire } from "node:module";
import type { Document, Node, YAMLMap } from "yaml";
import type * as zod from "zod";
import { unknownKey } from "../../event/unknown-key.ts";
import { findPlace, nameOf, type Path } from "./place.ts";
import { fillReferences, hideReferences, isBareReference, showReferences } from "./references.ts";
import { createSchema, type Section } from "./schema.ts";
import { SourceText } from "./source-text.ts";

type Yaml = typeof import("yaml");

interface Mistake {
  readonly offset: number;
  readonly problem: string;
}

export interface ParsedFile {
  /** What is right of the section, so that the rest can be checked too; undefined where nothing can be read. */
  readonly section?: Section;
  /** The file is right without the section. */
  readonly lacksSection: boolean;
  /** Paths that were left out of it, without list places, such as `network.allow`: what depends on them cannot be judged. */
  readonly leftOut: Set<string>;
  readonly mistakes: readonly string[];
  /** Returns the text of a mistake found later, at the value of this path in the section. */
  readonly mistakeAt: (path: Path, problem: string) => string;
}

/** These two take most of the time of an import, and most programs have no file: loaded when there is one. */
const require = createRequire(import.meta.url);

const secretKeys = new Set(["secret", "token", "headers", "options"]);

/** Returns the section, empty where the file may lack it and does, and what is wrong with it. */
export function parseFile(
  name: string,
  text: string,
  env: NodeJS.ProcessEnv,
  { sectionRequired }: { readonly sectionRequired: boolean },
): ParsedFile {
  const yaml = require("yaml") as Yaml;
  const source = new SourceText(name, text);
  const document = yaml.parseDocument(hideReferences(text), { prettyErrors: false, logLevel: "error" });
  hideSecrets(yaml, document, source);

  const syntax = checkSyntax(yaml, document);
  if (syntax.length > 0) {
    source.hideNamedSecrets();
    return unreadable(source, syntax);
  }
  const found = findSection(yaml, document.contents, sectionRequired);
  const section = found ?? new yaml.YAMLMap();
  if (!yaml.isMap(section)) return unreadable(source, [section]);

  const aliases = checkAliases(yaml, section);
  if (aliases.length > 0) return unreadable(source, aliases);
  const references = fillSection(yaml, section, env);
  const schema = createSchema(require("zod") as typeof zod);
  const read = (): ReturnType<typeof schema.safeParse> =>
    schema.safeParse(section.toJS(document, { maxAliasCount: 0 }));
  const leftOut = new Set<string>();
  let result = read();
  const issues = result.error?.issues.flatMap((issue) => readIssue(yaml, section, issue)) ?? [];
  // What lacks a key that was taken out goes next, so that this ends.
  while (!result.success && takeOut(yaml, section, result.error.issues, leftOut)) result = read();
  return {
    // The references first: a variable that is not set is the reason why its value does not fit.
    mistakes: describe(source, [...references, ...issues]),
    ...(result.success ? { section: result.data } : {}),
    lacksSection: found === undefined,
    leftOut,
    mistakeAt: (path, problem) => source.describe(findPlace(yaml, section, path).offset, problem),
  };
}

function unreadable(source: SourceText, mistakes: readonly Mistake[]): ParsedFile {
  const nothing = { lacksSection: false, leftOut: new Set<string>() };
  return { ...nothing, mistakes: describe(source, mistakes), mistakeAt: (_, problem) => problem };
}

/**
 * Takes what is wrong out of the section, and names its keys; the nodes that stay keep their places. Returns whether
 * there was anything to take out.
 */
function takeOut(
  yaml: Yaml,
  section: YAMLMap,
  issues: readonly zod.core.$ZodIssue[],
  leftOut: Set<string>,
): boolean {
  const wrong = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  const paths = new Map(wrong.map((path) => present(section, path)).map((path) => [nameOf(path), path]));
  paths.delete(nameOf([]));
  for (const path of [...paths.values()].sort(lastFirst)) {
    const keys = path.filter((step) => typeof step === "string");
    for (const index of keys.keys()) leftOut.add(keys.slice(0, index + 1).join("."));
    if (isEndpointUrl(path)) section.setIn(path, standInUrl(findPlace(yaml, section, path).offset));
    else section.deleteIn(path);
  }
  return paths.size > 0;
}

/** The path itself, or where nothing stands there, the nearest above it; an endpoint's URL gets a stand-in. */
function present(section: YAMLMap, path: Path): Path {
  const stays = path.length === 0 || section.hasIn(path) || isEndpointUrl(path);
  return stays ? path : present(section, path.slice(0, -1));
}

function isEndpointUrl(path: Path): boolean {
  return path.length === 3 && path[0] === "endpoints" && path[2] === "url";
}

const standInHost = ".unread.invalid";

/** Takes the place of a URL that is wrong or missing, so that the rest of its endpoint can be checked; one for each place. */
function standInUrl(offset: number): string {
  return `https://${offset}${standInHost}`;
}

export function isStandIn(url: URL): boolean {
  return url.hostname.endsWith(standInHost);
}

/** What stands deeper or later in a list comes first, so that the numbers of what follows still hold. */
function lastFirst(a: Path, b: Path): number {
  const index = a.findIndex((step, at) => step !== b[at]);
  if (index === -1 || index >= b.length) return b.length - a.length;
  const [one, other] = [a[index], b[index]];
  if (typeof one === "number" && typeof other === "number") return other - one;
  return String(one).localeCompare(String(other));
}

/** In the order of the file, one for each place. */
function describe(source: SourceText, mistakes: readonly Mistake[]): string[] {
  const byOffset = new Map(mistakes.toReversed().map((mistake) => [mistake.offset, mistake]));
  const sorted = [...byOffset.values()].sort((a, b) => a.offset - b.offset);
  return sorted.map(({ offset, problem }) => source.describe(offset, problem));
}

/** A tag the schema does not know is a mistake, not a warning: it would change what the value means. */
function checkSyntax(yaml: Yaml, document: Document): Mistake[] {
  return [...document.errors, ...document.warnings].slice(0, 10).map(({ message, pos: [start] }) => {
    // What follows a colon is text of the file, which may be a secret; after a semicolon stands advice to programmers.
    const what = (message.split(/[:;] /, 1)[0] ?? "").replace(/\.$/, "");
    // An open quote is missed at the end of the file, and wanted where it stands.
    const offset = /closing/.test(message) ? startOfScalar(yaml, document, start) : start;
    return { offset, problem: `this is not valid YAML: ${what}` };
  });
}

function startOfScalar(yaml: Yaml, document: Document, end: number): number {
  let offset = end;
  yaml.visit(document, {
    Scalar(_, { range }) {
      if (range && range[0] < end && range[1] >= end) offset = range[0];
    },
  });
  return offset;
}

function findSection(yaml: Yaml, root: unknown, required: boolean): YAMLMap | Mistake | undefined {
  const expected = "expected a mapping with a section `webhook:`";
  const empty = root === null || (yaml.isScalar(root) && root.value === null);
  if (!empty && !yaml.isMap(root)) return { offset: offsetOf(root), problem: expected };
  const pairs = yaml.isMap(root) ? root.items : [];
  const found = pairs.find(({ key }) => yaml.isScalar(key) && key.value === "webhook");
  if (found !== undefined) {
    if (yaml.isMap(found.value)) return found.value;
    // `webhook:` with nothing below it, or with comments only.
    if (found.value === null || (yaml.isScalar(found.value) && found.value.value === null))
      return new yaml.YAMLMap();
    const problem = "`webhook` must be a mapping, such as `webhook: { enabled: true }`";
    return { offset: offsetOf(found.value), problem };
  }
  const mistyped = pairs.find(({ key }) => yaml.isScalar(key) && resemblesSection(String(key.value)));
  if (mistyped)
    return { offset: offsetOf(mistyped.key), problem: `${expected}; did you mean \`webhook\` by this key?` };
  // The file of the MOVA SDK may have other sections alone.
  if (!required) return undefined;
  const problem = `${expected}; write \`webhook: {}\` where nothing is to be set`;
  return { offset: offsetOf(root), problem };
}

/** Tells whether most of the consonants of `webhook` are in a key of about its length. */
function resemblesSection(key: string): boolean {
  const found = ["w", "b", "h", "k"].filter((letter) => key.toLowerCase().includes(letter));
  return found.length >= 3 && key.length <= 10;
}

/** Values of secret settings, headers and plugin options, unless they are plain references to the environment. */
function hideSecrets(yaml: Yaml, document: Document, source: SourceText): void {
  yaml.visit(document, {
    Pair(_, { key, value }) {
      if (!yaml.isScalar(key) || !secretKeys.has(String(key.value)) || !yaml.isNode(value)) return;
      yaml.visit(value, {
        Scalar(role, scalar) {
          if (role === "key" || isBareReference(String(scalar.value))) return;
          source.hide({ start: scalar.range?.[0] ?? 0, end: scalar.range?.[1] ?? 0 });
        },
      });
    },
  });
}

/** Refuses aliases, with which a small file becomes a huge value. */
function checkAliases(yaml: Yaml, section: YAMLMap): Mistake[] {
  const mistakes: Mistake[] = [];
  yaml.visit(section, {
    Alias(_, alias) {
      mistakes.push({ offset: offsetOf(alias), problem: "aliases are not read here; write the value out" });
    },
  });
  return mistakes;
}

/** Fills in the references of all values, in place. */
function fillSection(yaml: Yaml, section: YAMLMap, env: NodeJS.ProcessEnv): Mistake[] {
  const mistakes: Mistake[] = [];
  yaml.visit(section, {
    Scalar(role, scalar) {
      if (role === "key" || typeof scalar.value !== "string") return;
      scalar.value = fillReferences(scalar.value, env, (problem) => {
        mistakes.push({ offset: offsetOf(scalar), problem });
      });
    },
  });
  return mistakes;
}

function readIssue(yaml: Yaml, section: YAMLMap, issue: zod.core.$ZodIssue): Mistake[] {
  if (issue.code === "unrecognized_keys") {
    const known = issue.message.split(" ");
    return issue.keys.map((key) => {
      const problem = unknownKey(showReferences(key).slice(0, 64), known);
      return { offset: findPlace(yaml, section, [...issue.path, key]).keyOffset, problem };
    });
  }
  if (issue.code === "custom" && issue.params?.["unknownKey"] === true) {
    return [
      {
        offset: findPlace(yaml, section, issue.path).keyOffset,
        problem: showReferences(issue.message),
      },
    ];
  }
  const { offset, missing } = findPlace(yaml, section, issue.path);
  const must = missing ? "is missing; it must be" : "must be";
  return [{ offset, problem: `\`${nameOf(issue.path)}\` ${must} ${issue.message}` }];
}

function offsetOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
