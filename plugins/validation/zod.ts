/** Watches zod 3 and 4 schemas, each instance by itself: what a schema runs inside another is not seen twice. */
import { hasMethods, type ObjectInstrumentation, watchMethod } from "mova-webhooks/plugin";
import {
  field,
  firstText,
  type Problem,
  type ValidatorReading,
  watchValidation,
  type WatchOptions,
} from "./watch-validation.ts";

const throwingMethods = ["parse", "parseAsync"];
/** `spa` is another name of the one before; where both are one function, it is left as it is. */
const answeringMethods = ["safeParse", "safeParseAsync", "spa"];

export function zodSchema(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "zod",
    recognises: (component) =>
      hasMethods(component, "parse", "safeParse", "parseAsync", "safeParseAsync") &&
      ("_zod" in component || "_def" in component),
    attach(schema, host) {
      const answering = watchValidation(host, options, readingOf(schema));
      // `parse` answers the document, which may itself look like the answer of `safeParse`.
      const throwing = watchValidation(host, options, { ...readingOf(schema), problemsIn: () => undefined });
      for (const name of answeringMethods) watchMethod(schema, name, host, answering);
      for (const name of throwingMethods) watchMethod(schema, name, host, throwing);
      return schema;
    },
  };
}

function readingOf(schema: object): ValidatorReading {
  return {
    library: "zod",
    schemaName: () => nameOf(schema),
    document: (args) => args[0],
    problemsIn: (returned) =>
      field(returned, "success") === false ? (issuesOf(field(returned, "error")) ?? []) : undefined,
    problemsThrown: issuesOf,
    describe,
  };
}

function nameOf(schema: object): string {
  const meta: unknown = hasMethods(schema, "meta")
    ? Reflect.apply(Reflect.get(schema, "meta"), schema, [])
    : undefined;
  return firstText(field(meta, "id"), field(meta, "title"), field(schema, "description")) ?? "unnamed";
}

function issuesOf(error: unknown): readonly unknown[] | undefined {
  const issues = field(error, "issues");
  return Array.isArray(issues) ? issues : undefined;
}

function describe(issue: unknown): Problem {
  const path = field(issue, "path");
  const message = firstText(field(issue, "message"));
  return {
    path: Array.isArray(path) ? path.map((step) => `/${pointerStep(step)}`).join("") : "",
    rule: firstText(field(issue, "code")) ?? "unknown",
    ...(message !== undefined && { message }),
  };
}

/** RFC 6901: `~` and `/` are escaped. */
function pointerStep(step: unknown): string {
  return String(step).replaceAll("~", "~0").replaceAll("/", "~1");
}
