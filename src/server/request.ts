/** Reads what a request asks for, by its declaration. What does not fit is refused by name, never by value. */
import type { Context } from "hono";
import { shownName } from "../event/shown-name.ts";
import { writePath } from "../settings/check.ts";
import type { Setting, Site } from "../settings/setting.ts";
import { RequestError } from "./failures.ts";

/** Reads the body, which must be JSON in UTF-8. Without content it counts as `{}`. */
export async function readBody<T>(context: Context, setting: Setting<T>): Promise<T> {
  return readJson(await readText(context), setting);
}

/** Reads the body as text. Without content it is `{}`. */
export async function readText(context: Context): Promise<string> {
  const bytes = await context.req.arrayBuffer();
  if (bytes.byteLength === 0) return "{}";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notJson();
  }
}

export function readJson<T>(text: string, setting: Setting<T>): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // V8's own message quotes the text.
    throw notJson();
  }
  return read(setting, parsed, { place: "body" });
}

function notJson(): RequestError {
  return new RequestError(400, "The body is not JSON in UTF-8");
}

export function readQuery<T>(context: Context, setting: Setting<T>): T {
  const given = Object.entries(context.req.queries());
  const repeated = given.find(([, values]) => values.length > 1);
  if (repeated !== undefined)
    throw new RequestError(400, `The query gives \`${shownName(repeated[0])}\` more than once`);
  const query = Object.fromEntries(given.map(([name, [value]]) => [name, value]));
  return read(setting, query, { place: "query" });
}

function read<T>(setting: Setting<T>, input: unknown, site: Site): T {
  const reading = setting.read(input, site);
  if ("value" in reading) return reading.value;
  const part = site.place === "body" ? "The body" : "The query";
  const { path = [], kind, expected } = reading.problems[0] ?? {};
  if (kind === "unknown key") throw new RequestError(400, `${part} has an ${expected}`);
  const at = path.length === 0 ? "" : ` at \`${writePath(path)}\``;
  throw new RequestError(400, `${part} is wrong${at}: expected ${expected}`);
}
