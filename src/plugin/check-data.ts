/** Checks a plugin's event data against the schema the plugin declared for it. */
import { types } from "node:util";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ignoreRejection } from "../event/at-once.ts";
import { WebhookError } from "../event/errors.ts";
import type { EventDefinition } from "./contract.ts";

/** Returns the data as the schema made it, or throws PLUGIN_INVALID with the places that do not fit, never with values. */
export function checkData(
  schema: NonNullable<EventDefinition<unknown>["schema"]>,
  data: unknown,
  type: string,
): unknown {
  const result = validateNow(schema, data, type);
  if (result.issues === undefined) return result.value;
  const places = result.issues.slice(0, 5).map(placeOf).join(", ");
  throw new WebhookError("PLUGIN_INVALID", `The data of \`${type}\` do not fit its schema at ${places}`);
}

/** An event of a crashing process cannot wait: so schemas must return at once. Throws PLUGIN_INVALID where one does not. */
export function validateNow(
  schema: StandardSchemaV1<unknown, unknown>,
  data: unknown,
  type: string,
): StandardSchemaV1.Result<unknown> {
  const result = schema["~standard"].validate(data);
  if (!types.isPromise(result)) return result;
  ignoreRejection(result);
  throw new WebhookError(
    "PLUGIN_INVALID",
    `The schema of \`${type}\` is asynchronous; event data are checked at once`,
  );
}

export function placeOf({ path = [] }: StandardSchemaV1.Issue): string {
  const names = path.map((part) => String(typeof part === "object" ? part.key : part));
  return names.length === 0 ? "the top" : `\`${names.join(".")}\``;
}
