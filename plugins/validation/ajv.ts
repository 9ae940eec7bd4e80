/** Watches Ajv 8: instances of every draft, and validators compiled before. */
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  patchMethod,
  type PluginHost,
  prototypeNamed,
  watchFunction,
} from "mova-webhooks/plugin";
import { pathIn } from "./ajv-path.ts";
import {
  field,
  firstText,
  listIn,
  type Problem,
  type ValidatorReading,
  watchValidation,
  type WatchOptions,
} from "./watch-validation.ts";

type Validator = (...args: never) => unknown;

/** Validators are proxied once per host, so that `compile` keeps returning the same function for a schema. */
const watchedByHost = new WeakMap<PluginHost, WeakMap<object, Validator>>();
/** Names under which schemas were fetched, for those without an `$id`. */
const keyOf = new WeakMap<object, string>();

export function ajvInstance(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "ajv",
    recognises: (component) =>
      hasMethods(component, "compile", "compileAsync", "validate", "getSchema", "addSchema", "addKeyword"),
    attach(ajv, host) {
      watchAjv(ajv, host, options);
      return ajv;
    },
  };
}

/** All drafts' classes inherit from the one in this file. */
export function ajvModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "ajv",
    versions: ">=8.0.0 <9.0.0",
    file: "dist/core.js",
    patch(exports, host) {
      const prototype = prototypeNamed(exports, "Ajv");
      if (prototype !== undefined) watchAjv(prototype, host, options);
    },
  };
}

/** Watches an instance, or the prototype of them all. `validate` fetches its validator through these three. */
function watchAjv(ajv: object, host: PluginHost, options: WatchOptions): void {
  for (const name of ["compile", "getSchema", "compileAsync"]) {
    patchMethod(ajv, name, host, (original) => watchResult(original, host, options));
  }
}

export function ajvValidator(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "ajv validator",
    recognises: isValidator,
    attach: (validator, host) =>
      isValidator(validator) ? watchValidator(validator, host, options) : validator,
  };
}

/** Compiled functions carry their schema and its environment. */
function isValidator(value: unknown): value is Validator {
  return typeof value === "function" && "schema" in value && "schemaEnv" in value;
}

function watchResult(original: Validator, host: PluginHost, options: WatchOptions): Validator {
  return new Proxy(original, {
    apply(target, self: unknown, args: unknown[]): unknown {
      const result: unknown = Reflect.apply(target, self, args);
      const key = typeof args[0] === "string" ? args[0] : undefined;
      const watch = (value: unknown): unknown =>
        isValidator(value) ? watchValidator(value, host, options, key) : value;
      return result instanceof Promise ? result.then(watch) : watch(result);
    },
  });
}

function watchValidator(
  validator: Validator,
  host: PluginHost,
  options: WatchOptions,
  key?: string,
): Validator {
  // Ajv checks each schema against its meta-schema in the same way; that is not the program's validation.
  if (field(Reflect.get(validator, "schemaEnv"), "meta") === true) return validator;
  const watched = watchedByHost.get(host) ?? new WeakMap<object, Validator>();
  watchedByHost.set(host, watched);
  if (key !== undefined && !keyOf.has(validator)) keyOf.set(validator, key);
  const known = watched.get(validator);
  if (known !== undefined) return known;
  const proxy = watchFunction(validator, host, watchValidation(host, options, readingOf(validator)));
  if (key !== undefined) keyOf.set(proxy, key);
  watched.set(validator, proxy);
  watched.set(proxy, proxy);
  return proxy;
}

function readingOf(validator: Validator): ValidatorReading {
  const schema: unknown = Reflect.get(validator, "schema");
  const { root } = Object(Reflect.get(validator, "schemaEnv")) as { readonly root?: unknown };
  const references = Object(field(root, "refs")) as Readonly<Record<string, unknown>>;
  // An asynchronous validator resolves with the document and rejects with the problems.
  const asynchronous = "$async" in validator;
  return {
    library: "ajv",
    schemaName: () =>
      firstText(field(schema, "$id"), keyOf.get(validator), field(schema, "title")) ?? "unnamed",
    document: (args) => args[0],
    problemsIn: (returned) =>
      asynchronous || returned !== false ? undefined : (listIn(Reflect.get(validator, "errors")) ?? []),
    problemsThrown: (error) =>
      field(error, "validation") === true ? (listIn(field(error, "errors")) ?? []) : undefined,
    describe: (error) => describe(error, (pointer) => pathIn(schema, references, pointer)),
  };
}

function describe(error: unknown, path: (pointer: string) => string): Problem {
  const message = firstText(field(error, "message"));
  return {
    path: path(firstText(field(error, "instancePath")) ?? ""),
    rule: firstText(field(error, "keyword")) ?? "unknown",
    ...(message !== undefined && { message }),
  };
}
