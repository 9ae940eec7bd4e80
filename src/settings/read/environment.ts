/** The `MOVA_WEBHOOK_…` variables. An empty variable counts as one that is not set. */
import { nameIn, type Setting } from "../setting.ts";
import { type Section, section } from "./section.ts";

/** What the variables give, each where it stands in the settings. */
export type Environment = Pick<
  Section,
  "enabled" | "timeout" | "maxRetries" | "secret" | "endpoints" | "outbox" | "network" | "logLevel"
> & { readonly server?: { readonly token?: string }; readonly config?: string };

export interface Variable {
  readonly name: string;
  readonly setting: Setting<unknown>;
  /** Of the setting, in code and as a file names it. */
  readonly keys: readonly string[];
  readonly fileKeys: readonly string[];
}

/** Every variable, in the order of the file. */
export const variables: readonly Variable[] = variablesOf(section.fields);

function variablesOf(
  fields: Readonly<Record<string, Setting<unknown>>>,
  above: Pick<Variable, "keys" | "fileKeys"> = { keys: [], fileKeys: [] },
): Variable[] {
  return Object.entries(fields).flatMap(([key, setting]) => {
    const keys = [...above.keys, key];
    const fileKeys = [...above.fileKeys, nameIn("file", key, setting)];
    const { variable: name } = setting;
    const own = name === undefined ? [] : [{ name, setting, keys, fileKeys }];
    return [...own, ...variablesOf(setting.fields ?? {}, { keys, fileKeys })];
  });
}

/**
 * Reads the variables. A mistake names its variable and never shows its value, which may be a secret set by accident;
 * what could not be read is added to `leftOut` by its name in the file.
 */
export function readEnvironment(
  env: NodeJS.ProcessEnv,
  cwd: string,
  mistakes: string[],
  leftOut: Set<string>,
): Environment {
  const read: Record<string, unknown> = {};
  for (const { name, setting, keys, fileKeys } of variables) {
    const text = env[name]?.trim();
    if (text === undefined || text === "") continue;
    const reading = setting.read(text, { place: "environment", directory: cwd });
    if ("value" in reading) put(read, keys, reading.value);
    else {
      mistakes.push(`${name} must be ${setting.expected("environment")}`);
      for (const end of fileKeys.keys()) leftOut.add(fileKeys.slice(0, end + 1).join("."));
    }
  }
  return read;
}

function put(into: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) into[key] = value;
  else {
    const inside = { ...Object(into[key]) } as Record<string, unknown>;
    put(inside, rest, value);
    into[key] = inside;
  }
}
