/** Remembers who made an object that a plugin could watch: the program itself, or one of the packages it uses. */

import { type Callable, patchExport } from "./patch.ts";
import type { PluginHost } from "./plugin-host.ts";

/** Frames to look at: those of the library itself come first. */
const depth = 24;

interface Maker {
  /** Until somebody asks: formatting costs more than all the rest. */
  stack?: { readonly stack?: unknown };
  readonly libraries: readonly string[];
  name?: string | undefined;
}

const makers = new WeakMap<object, Maker>();

/**
 * Notes that an object is being made by the code that runs: `from` and what it calls is ours, and what stands in the
 * packages of `libraries` only makes it on behalf of others. Costs microseconds.
 */
export function noteMaker(
  made: object,
  libraries: readonly string[],
  from: (...given: never) => unknown,
): void {
  if (makers.has(made)) return;
  const limit = Error.stackTraceLimit;
  const stack = {};
  Error.stackTraceLimit = depth;
  Error.captureStackTrace(stack, from);
  Error.stackTraceLimit = limit;
  makers.set(made, { stack, libraries });
}

/** Classes and functions that note who calls them, by what they stand for. */
const noting = new WeakMap<object, Callable>();
const ours = new WeakSet<object>();

/**
 * Puts a class, or a function that makes objects, in the place of an export: it notes the maker of each object while
 * `isWanted`. Returns the exports to hand on. Instances, subclasses and statics are as they were.
 */
export function noteMakersOf(
  exports: object,
  name: string,
  libraries: readonly string[],
  host: PluginHost,
  isWanted: () => boolean,
): object {
  function notingFor(original: Callable): Callable {
    if (ours.has(original)) return original;
    const known = noting.get(original);
    if (known !== undefined) return known;
    function construct(target: never, given: never[], made: never): object {
      const object = Reflect.construct(target, given, made) as object;
      if (isWanted()) noteMaker(object, libraries, construct);
      return object;
    }
    function apply(target: Callable, self: unknown, given: never[]): unknown {
      const made: unknown = Reflect.apply(target, self, given);
      if (typeof made === "object" && made !== null && isWanted()) noteMaker(made, libraries, apply);
      return made;
    }
    const replacement = new Proxy(original, { construct, apply });
    const prototype: unknown = Reflect.get(original, "prototype");
    if (Reflect.get(Object(prototype) as object, "constructor") === original) {
      Reflect.set(prototype as object, "constructor", replacement);
    }
    noting.set(original, replacement);
    ours.add(replacement);
    return replacement;
  }
  return patchExport(exports, name, host, notingFor);
}

/** Names the package whose code made this object; undefined for the program itself, and where nobody noted it. */
export function makerOf(made: object): string | undefined {
  const maker = makers.get(made);
  if (maker?.stack !== undefined) {
    maker.name = filesOf(maker.stack)
      .map(packageOf)
      .find((name) => name !== undefined && !maker.libraries.includes(name));
    if (maker.name === program) maker.name = undefined;
    delete maker.stack;
  }
  return maker?.name;
}

/** Tells whether somebody noted who made this object. */
export function hasMaker(made: object): boolean {
  return makers.has(made);
}

/** Which packages' objects count besides the program's own. */
export interface MakerOptions {
  /** Packages whose own objects count like the program's; `*` stands for all. @default none */
  readonly include?: readonly string[];
  /** Packages whose own objects do not count, whatever `include` says. @default none */
  readonly exclude?: readonly string[];
}

/** Tells whether what this maker's objects do counts. */
export function isCounted(maker: string | undefined, { include = [], exclude = [] }: MakerOptions): boolean {
  if (maker === undefined) return true;
  return !exclude.includes(maker) && (include.includes(maker) || include.includes("*"));
}

const program = "";

/** Undefined for what belongs to no file. A folder of `node_modules` that no package could be named like is the program's. */
function packageOf(file: string | null): string | undefined {
  if (file === null || file.startsWith("node:")) return undefined;
  return (
    /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/.@][^\\/]*)/.exec(file)?.[1]?.replace("\\", "/") ??
    program
  );
}

function filesOf(stack: { readonly stack?: unknown }): readonly (string | null)[] {
  const before: unknown = Reflect.get(Error, "prepareStackTrace");
  Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFileName() ?? null);
  try {
    const files: unknown = stack.stack;
    return Array.isArray(files) ? files : [];
  } finally {
    Reflect.set(Error, "prepareStackTrace", before);
  }
}
