/** Parses a configuration file and checks its `webhook:` section. All mistakes are found, each with its place. */
import { createRequire } from "node:module";
import { readSection, type Section } from "./section.ts";
import type { Path, Problem } from "../setting.ts";
import { findPlace, nameOf } from "./place.ts";
import { hideReferences, showReferences } from "./references.ts";
import { SourceText } from "./source-text.ts";
import { takeOut } from "./take-out.ts";
import {
  checkAliases,
  checkSyntax,
  fillSection,
  findSection,
  hideSecrets,
  type Mistake,
} from "./yaml-section.ts";
import type { YAMLMap } from "yaml";

type Yaml = typeof import("yaml");

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

/** It takes most of the time of an import, and most programs have no file: loaded when there is one. */
const require = createRequire(import.meta.url);

export interface ParseOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Where relative paths start. */
  readonly directory: string;
  readonly sectionRequired: boolean;
}

/** Returns the section, empty where the file may lack it and does, and what is wrong with it. */
export function parseFile(
  name: string,
  text: string,
  { env, directory, sectionRequired }: ParseOptions,
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
  const read = (): ReturnType<typeof readSection> =>
    readSection(section.toJS(document, { maxAliasCount: 0 }), { place: "file", directory });
  const leftOut = new Set<string>();
  let result = read();
  const wrong = "problems" in result ? result.problems.map((problem) => placed(yaml, section, problem)) : [];
  // What lacks a key that was taken out goes next, so that this ends.
  while ("problems" in result && takeOut(yaml, section, result.problems, leftOut)) result = read();
  return {
    // The references first: a variable that is not set is the reason why its value does not fit.
    mistakes: describe(source, [...references, ...wrong]),
    ...("value" in result ? { section: result.value } : {}),
    lacksSection: found === undefined,
    leftOut,
    mistakeAt: (path, problem) => source.describe(findPlace(yaml, section, path).offset, problem),
  };
}

function unreadable(source: SourceText, mistakes: readonly Mistake[]): ParsedFile {
  const nothing = { lacksSection: false, leftOut: new Set<string>() };
  return { ...nothing, mistakes: describe(source, mistakes), mistakeAt: (_, problem) => problem };
}

/** In the order of the file, one for each place. */
function describe(source: SourceText, mistakes: readonly Mistake[]): string[] {
  const byOffset = new Map(mistakes.toReversed().map((mistake) => [mistake.offset, mistake]));
  const sorted = [...byOffset.values()].sort((a, b) => a.offset - b.offset);
  return sorted.map(({ offset, problem }) => source.describe(offset, problem));
}

/** An unknown key is shown at the key, a missing one at what lacks it, anything else at its value. */
function placed(yaml: Yaml, section: YAMLMap, { path, kind, expected }: Problem): Mistake {
  const { offset, keyOffset, missing } = findPlace(yaml, section, path);
  if (kind === "unknown key") return { offset: keyOffset, problem: showReferences(expected) };
  const must = missing ? "is missing; it must be" : "must be";
  return { offset, problem: `\`${nameOf(path)}\` ${must} ${expected}` };
}
