/** Watches schemas of any library that speaks Standard Schema, such as valibot and arktype. */
import {
  hasMethods,
  type ObjectInstrumentation,
  type PluginHost,
  type Watch,
  watchFunction,
} from "mova-webhooks/plugin";
import {
  field,
  firstText,
  listIn,
  type Problem,
  type ValidatorReading,
  watchValidation,
  type WatchOptions,
} from "./watch-validation.ts";
import { pointerStep } from "./zod-schema.ts";

const key = "~standard";

type Callable = (...args: never) => unknown;

export function standardSchema(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "Standard Schema",
    recognises: (component) => propertiesOf(component) !== undefined,
    attach(schema, host) {
      const library = firstText(field(propertiesOf(schema), "vendor")) ?? "standard-schema";
      watchStandardSchema(schema, host, options, { ...reading, library, schemaName: () => nameOf(schema) });
      return schema;
    },
  };
}

/** What `validate` returns is the same for all libraries; `names` reads what is not. */
export function watchStandard(host: PluginHost, options: WatchOptions, names: ValidatorReading): Watch {
  const { problemsIn, problemsThrown } = reading;
  return watchValidation(host, options, { ...names, problemsIn, problemsThrown });
}

export function watchStandardSchema(
  schema: object,
  host: PluginHost,
  options: WatchOptions,
  names: ValidatorReading,
): void {
  const properties = propertiesOf(schema);
  if (properties === undefined) return;
  const validate = watchFunction(properties.validate, host, watchStandard(host, options, names));
  // Some libraries make the properties anew whenever they are asked for them.
  const value = Object.create(Object.getPrototypeOf(properties) as object | null, {
    ...Object.getOwnPropertyDescriptors(properties),
    validate: { value: validate, enumerable: true, writable: true, configurable: true },
  }) as object;
  const enumerable = Object.getOwnPropertyDescriptor(schema, key)?.enumerable ?? false;
  const defined = Reflect.defineProperty(schema, key, {
    value,
    enumerable,
    writable: true,
    configurable: true,
  });
  if (!defined)
    host.log.warn({ library: names.library }, "a schema is frozen, so that its calls cannot be seen");
}

function propertiesOf(schema: object): { readonly validate: Callable } | undefined {
  try {
    const properties: unknown = Reflect.get(schema, key);
    if (typeof properties !== "object" || properties === null) return undefined;
    return hasMethods(properties, "validate") ? (properties as { readonly validate: Callable }) : undefined;
  } catch {
    return undefined;
  }
}

const reading = {
  document: ([document]: readonly unknown[]) => document,
  problemsIn: (returned: unknown) => listIn(field(returned, "issues")),
  problemsThrown: () => undefined,
  describe,
};

function nameOf(schema: object): string {
  return firstText(field(schema, "title"), field(schema, "description")) ?? "unnamed";
}

/** Which keys a schema names is not told by all libraries alike: only places in lists are. */
function describe(issue: unknown): Problem {
  const path = listIn(field(issue, "path")) ?? [];
  const message = firstText(field(issue, "message"));
  const steps = path.map((step) => (typeof step === "object" && step !== null ? field(step, "key") : step));
  return {
    path: steps.map((step) => (typeof step === "number" ? `/${pointerStep(step)}` : "/*")).join(""),
    rule: firstText(field(issue, "type"), field(issue, "code")) ?? "unknown",
    ...(message !== undefined && { message }),
  };
}
