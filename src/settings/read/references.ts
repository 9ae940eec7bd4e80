/** `${NAME}` and `${NAME:-default}` in values: filled in after parsing, so that no value of the environment becomes YAML. */

const reference = /\$?\$\{[^{}'"\r\n]*\}/g;
const named = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\}$/;

const malformed =
  "a reference must be `${NAME}` or `${NAME:-default}` on one line, without quotes in the default; `$${…}` is no reference";

/** Private-use characters that stand for printable ASCII while the file is parsed. */
const shift = 0xe000;
const shifted = /[\ue020-\ue07e]/g;
const shiftedReference = /\ue024?\ue024\ue07b[^\ue07d]*\ue07d/g;

/** Replaces references by characters without a meaning in YAML, so that they need no quotes, even in `{ … }` and `[ … ]`. */
export function hideReferences(text: string): string {
  return text.replace(reference, (found) =>
    found.replace(/[\x20-\x7e]/g, (character) => String.fromCharCode(character.charCodeAt(0) + shift)),
  );
}

/** Shows a text of the parsed file as it was written. */
export function showReferences(text: string): string {
  return text.replace(shifted, (character) => String.fromCharCode(character.charCodeAt(0) - shift));
}

/** Tells whether a value is a reference and nothing else, without a default that could be a secret. */
export function isBareReference(text: string): boolean {
  return /^\$\{\w+\}$/.test(showReferences(text));
}

/** Fills in one value. An unset or empty variable takes the default; `$${NAME}` stands for `${NAME}` itself. */
export function fillReferences(
  text: string,
  env: NodeJS.ProcessEnv,
  mistake: (problem: string) => void,
): string {
  const bare = text.replace(shiftedReference, "");
  if (bare.includes("${")) mistake(malformed);
  return text.replace(shiftedReference, (hidden) => {
    const found = showReferences(hidden);
    if (found.startsWith("$$")) return found.slice(1);
    const [, name, otherwise] = named.exec(found) ?? [];
    if (name === undefined) {
      mistake(malformed);
      return "";
    }
    // As the variables themselves are read: a line break at the end would sign differently.
    const value = env[name]?.trim();
    if (value !== undefined && (value !== "" || otherwise === undefined)) return value;
    if (otherwise === undefined)
      mistake(`the environment variable \`${name}\` is not set; set it, or write \`\${${name}:-default}\``);
    return otherwise ?? "";
  });
}
