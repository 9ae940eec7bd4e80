/** Watches the making of zod's schemas: notes who makes each, and watches what only the schema itself can call. */
import {
  type Callable,
  type ModuleInstrumentation,
  noteMaker,
  patchExport,
  type PluginHost,
} from "mova-webhooks/plugin";
import { wantsAny } from "./watch-validation.ts";

type Class = abstract new (...given: never[]) => object;

/** Watches a schema's `~standard`. */
type WatchStandard = (schema: object, standard: object, host: PluginHost) => void;

/**
 * Version 4: all schemas of all its faces begin as a `$ZodType`. From 4.4 on, `~standard` is a member that all of them
 * share, and calls no function that is exported.
 */
export function zod4Constructor(watchStandard: WatchStandard): readonly ModuleInstrumentation[] {
  const patch = (exports: object, host: PluginHost): object =>
    patchExport(exports, "$constructor", host, (original) => {
      function apply(target: Callable, self: unknown, given: unknown[]): unknown {
        const [name, begin, members, ...rest] = given;
        const noting = name === "$ZodType" ? notingMakers(begin as Begin, host) : begin;
        const watching = withStandard(members, (schema, standard) => watchStandard(schema, standard, host));
        return Reflect.apply(target, self, [name, noting, watching, ...rest] as never[]);
      }
      return new Proxy(original, { apply });
    });
  return ["js", "cjs"].map((extension) => ({
    module: "zod",
    versions: ">=3.25.0 <5.0.0",
    file: `v4/core/core.${extension}`,
    patch,
  }));
}

/** The members of a kind of schema, with a `~standard` that is watched once somebody asks for it. */
function withStandard(members: unknown, watch: (schema: object, standard: object) => void): unknown {
  if (typeof members !== "object" || members === null) return members;
  const descriptors = Object.getOwnPropertyDescriptors(members) as Record<string, PropertyDescriptor>;
  const standard = descriptors["~standard"];
  const read: unknown = standard === undefined ? undefined : Reflect.get(standard, "get");
  if (typeof read !== "function") return members;
  function get(this: object): unknown {
    const found: unknown = Reflect.apply(read as () => unknown, this, []);
    if (typeof found === "object" && found !== null) watch(this, found);
    return found;
  }
  descriptors["~standard"] = { ...standard, get };
  return Object.create(Object.getPrototypeOf(members) as object | null, descriptors);
}

type Begin = (schema: object, ...rest: never[]) => unknown;

function notingMakers(begin: Begin, host: PluginHost): Begin {
  return function noting(this: unknown, schema, ...rest) {
    note(schema, noting, host);
    return Reflect.apply(begin, this, [schema, ...rest]);
  };
}

/** Classes whose parent is ours already, whatever the host: who made a schema is the same for all. */
const patched = new WeakSet<object>();

/** Version 3: puts a class of ours between `ZodType` and those that extend it. */
export function noteMakersOfZod3(exports: object, host: PluginHost): void {
  const base: unknown = Reflect.get(exports, "ZodType");
  if (typeof base !== "function") return;
  function construct(target: Class, given: unknown[], made: new () => object): object {
    const schema = Reflect.construct(target, given, made) as object;
    note(schema, construct as never, host);
    return schema;
  }
  const noting = new Proxy(base as Class, { construct: construct as never });
  for (const each of Object.values(exports) as unknown[]) {
    if (typeof each !== "function" || Object.getPrototypeOf(each) !== base || patched.has(each)) continue;
    patched.add(each);
    Object.setPrototypeOf(each, noting);
  }
}

function note(schema: object, from: (...given: never) => unknown, host: PluginHost): void {
  if (wantsAny(host)) noteMaker(schema, ["zod"], from);
}
