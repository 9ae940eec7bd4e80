/** Finds the `webhook:` section in a parsed file, hides its secrets, and fills in what the environment gives. */
import type { Document, YAMLMap } from "yaml";
import { secretKeys } from "./hide-secrets.ts";
import { offsetOf } from "./place.ts";
import { fillReferences, isBareReference } from "./references.ts";
import type { SourceText } from "./source-text.ts";

type Yaml = typeof import("yaml");

export interface Mistake {
  readonly offset: number;
  readonly problem: string;
}

/** A tag the schema does not know is a mistake, not a warning: it would change what the value means. */
export function checkSyntax(yaml: Yaml, document: Document): Mistake[] {
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

export function findSection(yaml: Yaml, root: unknown, required: boolean): YAMLMap | Mistake | undefined {
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
export function hideSecrets(yaml: Yaml, document: Document, source: SourceText): void {
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
export function checkAliases(yaml: Yaml, section: YAMLMap): Mistake[] {
  const mistakes: Mistake[] = [];
  yaml.visit(section, {
    Alias(_, alias) {
      mistakes.push({ offset: offsetOf(alias), problem: "aliases are not read here; write the value out" });
    },
  });
  return mistakes;
}

/** Fills in the references of all values, in place. */
export function fillSection(yaml: Yaml, section: YAMLMap, env: NodeJS.ProcessEnv): Mistake[] {
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
