/** Watches zod 3 and 4: schemas, the functions of `zod/mini` and `zod/v4/core`, and codecs. */
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
import { watchStandard, watchStandardSchema } from "./standard-schema.ts";
import {
  field,
  firstText,
  type Problem,
  type ValidatorReading,
  watchValidation,
  type WatchOptions,
} from "./watch-validation.ts";
import { noteMakersOfZod3, zod4Constructor } from "./zod-constructor.ts";
import { isProgramSchema, isSchema, nameOf, pointerIn } from "./zod-schema.ts";

const throwingMethods = ["parse", "encode", "decode"].flatMap((name) => [name, `${name}Async`]);
/** `spa` is another name of one of them; where both are one function, it is left as it is. */
const answeringMethods = [
  ...["safeParse", "safeEncode", "safeDecode"].flatMap((name) => [name, `${name}Async`]),
  "spa",
];
const judgingMethods = ["validate", "validateAsync"];

export function zodSchema(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "zod",
    recognises: (component) =>
      hasMethods(component, "parse", "safeParse", "parseAsync", "safeParseAsync") && isSchema(component),
    attach(schema, host) {
      watchSchema(schema, host, options, () => true);
      const reading = readingOf(
        () => schema,
        ([document]) => document,
      );
      watchStandardSchema(schema, host, options, {
        ...reading,
        describe: (issue) => describe(issue, schema),
      });
      return schema;
    },
  };
}

/** The class of version 3, and the functions that the schemas of version 4 call. */
export function zodModules(options: WatchOptions): readonly ModuleInstrumentation[] {
  const isAsked = (schema: object): boolean => isProgramSchema(schema, options.makers);
  const schemaClass = (exports: object, host: PluginHost): void => {
    const prototype = prototypeNamed(exports, "ZodType");
    if (prototype === undefined) return;
    noteMakersOfZod3(exports, host);
    watchSchema(prototype, host, options, isAsked);
  };
  const parsers = (exports: object, host: PluginHost): object =>
    watchParsers(exports, host, options, isAsked);
  const files = ["js", "cjs"].flatMap((extension): ModuleInstrumentation[] => [
    { module: "zod", versions: ">=3.25.0 <5.0.0", file: `v3/types.${extension}`, patch: schemaClass },
    { module: "zod", versions: ">=3.25.0 <5.0.0", file: `v4/core/parse.${extension}`, patch: parsers },
    { module: "zod", versions: ">=3.25.0 <5.0.0", file: `v4/classic/parse.${extension}`, patch: parsers },
  ]);
  const constructor = zod4Constructor((schema, standard, host) => {
    const reading = readingOf(
      () => schema,
      ([document]) => document,
    );
    const watched = { ...reading, isAsked: () => isAsked(schema) };
    watchMethod(standard, "validate", host, watchStandard(host, options, watched));
  });
  return [{ module: "zod", versions: ">=3.20.0 <4.0.0", patch: schemaClass }, ...constructor, ...files];
}

type IsAsked = (schema: object) => boolean;
type SchemaOf = (args: readonly unknown[], self: unknown) => object;

/** Watches a schema, or the prototype of them all. */
function watchSchema(schema: object, host: PluginHost, options: WatchOptions, isAsked: IsAsked): void {
  const schemaOf: SchemaOf = (_, self) => (isSchema(self) ? self : schema);
  const watches = watchesOf(schemaOf, ([document]) => document, host, options, isAsked);
  for (const [name, watch] of watches) watchMethod(schema, name, host, watch);
}

/** Their first argument is the schema. Where that is watched itself, what it calls here is a part of its own call. */
function watchParsers(exports: object, host: PluginHost, options: WatchOptions, isAsked: IsAsked): object {
  const schemaOf: SchemaOf = ([schema]) => Object(schema) as object;
  const watches = watchesOf(schemaOf, ([, document]) => document, host, options, isAsked);
  let patched = exports;
  for (const [name, watch] of watches) {
    patched = patchExport(patched, name, host, (original) =>
      watchFunction(original, host, watch, (_, [schema]) => Object(schema) as object),
    );
  }
  return patched;
}

function watchesOf(
  schemaOf: SchemaOf,
  document: ValidatorReading["document"],
  host: PluginHost,
  options: WatchOptions,
  isAsked: IsAsked,
): readonly [name: string, watch: ReturnType<typeof watchValidation>][] {
  const reading: ValidatorReading = {
    ...readingOf(schemaOf, document),
    isAsked: (args, self) => isAsked(schemaOf(args, self)) && !isProbe(document(args)),
  };
  const kinds: [readonly string[], ValidatorReading["problemsIn"]][] = [
    [answeringMethods, (returned) => reading.problemsIn(returned)],
    // They return the document, which may itself look like what `safeParse` returns.
    [throwingMethods, () => undefined],
    [judgingMethods, (returned) => (returned === false ? [] : undefined)],
  ];
  return kinds.flatMap(([names, problemsIn]) => {
    const watch = watchValidation(host, options, { ...reading, problemsIn });
    return names.map((name) => [name, watch] as const);
  }) as [string, ReturnType<typeof watchValidation>][];
}

function readingOf(schemaOf: SchemaOf, document: ValidatorReading["document"]): ValidatorReading {
  return {
    library: "zod",
    schemaName: (args, self) => nameOf(schemaOf(args, self)),
    document,
    problemsIn: (returned) =>
      field(returned, "success") === false ? (issuesOf(field(returned, "error")) ?? []) : undefined,
    problemsThrown: issuesOf,
    describe: (issue, args, self) => describe(issue, schemaOf(args, self)),
  };
}

/** `isOptional` and `isNullable` of a schema ask it about these two documents, whoever calls them. */
function isProbe(document: unknown): boolean {
  if (document !== undefined && document !== null) return false;
  const stack = new Error("probe").stack ?? "";
  return /\bis(?:Optional|Nullable)\b/.test(stack.split("\n", 12).join("\n"));
}

function issuesOf(error: unknown): readonly unknown[] | undefined {
  const issues = field(error, "issues");
  return Array.isArray(issues) ? issues : undefined;
}

function describe(issue: unknown, schema: object): Problem {
  const path = field(issue, "path");
  const message = firstText(field(issue, "message"));
  return {
    path: Array.isArray(path) ? pointerIn(schema, path) : "",
    rule: firstText(field(issue, "code")) ?? "unknown",
    ...(message !== undefined && { message }),
  };
}
