/** Reads what a request asks for, against a schema. What does not fit is refused by name, never by value. */
import type { Context } from "hono";
import { z } from "zod";
import { shownName } from "../event/shown-name.ts";
import { unknownKey } from "../event/unknown-key.ts";
import { RequestError } from "./failures.ts";

/** Parses the body, which must be UTF-8, against a schema. Without content it counts as `{}`. */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bytes = await context.req.arrayBuffer();
  return check(schema, bytes.byteLength === 0 ? {} : parseJson(bytes), "The body");
}

export function readQuery<Schema extends z.ZodType>(context: Context, schema: Schema): z.output<Schema> {
  const given = Object.entries(context.req.queries());
  const repeated = given.find(([, values]) => values.length > 1);
  if (repeated !== undefined)
    throw new RequestError(400, `The query gives \`${shownName(repeated[0])}\` more than once`);
  return check(schema, Object.fromEntries(given.map(([name, [value]]) => [name, value])), "The query");
}

function parseJson(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // V8's own message quotes the text.
    throw new RequestError(400, "The body is not JSON in UTF-8");
  }
}

function check<Schema extends z.ZodType>(schema: Schema, input: unknown, part: string): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    throw new RequestError(400, `${part} has an ${unknownKey(issue.keys[0] ?? "", known)}`);
  }
  const at = issue === undefined || issue.path.length === 0 ? "" : ` at \`${issue.path.join(".")}\``;
  const isNoObject = issue?.code === "invalid_type" && issue.path.length === 0;
  const problem = isNoObject ? "expected a JSON object" : (issue?.message ?? "it has another form");
  throw new RequestError(400, `${part} is wrong${at}: ${problem}`);
}
