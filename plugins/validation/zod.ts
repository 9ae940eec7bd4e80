/** Watches zod 3 and 4 schemas. A schema that runs inside another makes no event of its own. */
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  patchExport,
  type PluginHost,
  prototypeNamed,
  watchFunction,
  watchMethod,
} from "mova-webhooks/plugin";
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
      hasMethods(component, "parse", "safeParse", "parseAsync", "safeParseAsync") && isSchema(component),
    attach(schema, host) {
      watchSchema(schema, host, options);
      return schema;
    },
  };
}

/** The class of version 3, and the functions that the schemas of version 4 call. */
export function zodModules(options: WatchOptions): readonly ModuleInstrumentation[] {
  const schemaClass = (exports: object, host: PluginHost): void => {
    const prototype = prototypeNamed(exports, "ZodType");
    if (prototype !== undefined) watchSchema(prototype, host, options);
  };
  const parsers = (exports: object, host: PluginHost): object => watchParsers(exports, host, options);
  const files = ["js", "cjs"].flatMap((extension): ModuleInstrumentation[] => [
    { module: "zod", versions: ">=3.25.0 <5.0.0", file: `v3/types.${extension}`, patch: schemaClass },
    { module: "zod", versions: ">=3.25.0 <5.0.0", file: `v4/classic/parse.${extension}`, patch: parsers },
  ]);
  return [{ module: "zod", versions: ">=3.20.0 <4.0.0", patch: schemaClass }, ...files];
}

/** Watches a schema, or the prototype of them all. */
function watchSchema(schema: object, host: PluginHost, options: WatchOptions): void {
  const reading: ValidatorReading = {
    ...zodReading,
    schemaName: (_, self) => nameOf(isSchema(self) ? self : schema),
    document: (args) => args[0],
  };
  const answering = watchValidation(host, options, reading);
  const throwing = watchValidation(host, options, { ...reading, problemsIn: () => undefined });
  for (const name of answeringMethods) watchMethod(schema, name, host, answering);
  for (const name of throwingMethods) watchMethod(schema, name, host, throwing);
}

/** Their first argument is the schema. Where that is watched itself, its own call is seen already. */
function watchParsers(exports: object, host: PluginHost, options: WatchOptions): object {
  const reading: ValidatorReading = {
    ...zodReading,
    schemaName: (args) => nameOf(Object(args[0]) as object),
    document: (args) => args[1],
  };
  const answering = watchValidation(host, options, reading);
  const throwing = watchValidation(host, options, { ...reading, problemsIn: () => undefined });
  let patched = exports;
  for (const name of [...answeringMethods, ...throwingMethods]) {
    const watch = throwingMethods.includes(name) ? throwing : answering;
    patched = patchExport(patched, name, host, (original) =>
      watchFunction(original, host, watch, (_, [schema]) => Object(schema) as object),
    );
  }
  return patched;
}

/** For `parse` without `problemsIn`: it returns the document, which may itself look like the result of `safeParse`. */
const zodReading = {
  library: "zod",
  problemsIn: (returned: unknown) =>
    field(returned, "success") === false ? (issuesOf(field(returned, "error")) ?? []) : undefined,
  problemsThrown: issuesOf,
  describe,
};

function isSchema(value: unknown): value is object {
  return typeof value === "object" && value !== null && ("_zod" in value || "_def" in value);
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
