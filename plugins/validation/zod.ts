/** Watches zod 3 and 4 schemas, each instance by itself: what a schema runs inside another is not seen twice. */
import { hasMethods, type ObjectInstrumentation, watchMethod } from "mova-webhooks/plugin";
import { field, firstText, type Problem, type ValidatorReading, watchValidation, type WatchOptions } from "./watch-validation.ts";

/** `spa` is another name of the last; where it is the same function, it is left as it is. */
const parseMethods = ["parse", "safeParse", "parseAsync", "safeParseAsync", "spa"];

export function zodSchema(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "zod",
    recognises: (component) =>
      hasMethods(component, "parse", "safeParse", "parseAsync", "safeParseAsync") &&
      ("_zod" in component || "_def" in component),
    attach(schema, host) {
      const watch = watchValidation(host, options, readingOf(schema));
      for (const name of parseMethods) watchMethod(schema, name, host, watch);
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
      isSafeResult(returned) && !returned.success ? (issuesOf(returned.error) ?? []) : undefined,
    problemsThrown: issuesOf,
    describe,
  };
}

/** `parse` answers the document, which may itself look like a result: zod's own has no other keys. */
function isSafeResult(value: unknown): value is { success: boolean; error?: unknown } {
  return typeof field(value, "success") === "boolean" && ("data" in Object(value) || "error" in Object(value));
}

function nameOf(schema: object): string {
  const meta: unknown = hasMethods(schema, "meta") ? Reflect.apply(Reflect.get(schema, "meta"), schema, []) : undefined;
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
