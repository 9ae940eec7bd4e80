/** Reads zod schemas, of version 3 and 4 alike: what they are named, what they hold, and which keys they name. */
import { hasMaker, hasMethods, isCounted, makerOf, type MakerOptions } from "mova-webhooks/plugin";
import { field, firstText } from "./watch-validation.ts";

/** Most parts of a schema that are looked at. */
const maxParts = 500;

export function isSchema(value: unknown): value is object {
  return typeof value === "object" && value !== null && ("_zod" in value || "_def" in value);
}

export function nameOf(schema: object): string {
  const meta: unknown = hasMethods(schema, "meta")
    ? Reflect.apply(Reflect.get(schema, "meta"), schema, [])
    : undefined;
  return firstText(field(meta, "id"), field(meta, "title"), field(schema, "description")) ?? "unnamed";
}

const counted = new WeakMap<MakerOptions, WeakMap<object, boolean>>();

/**
 * Tells whether a schema counts: the program made it or a part of it. What a package made all by itself, such as the
 * schemas it sorts its messages with, is its own affair.
 */
export function isProgramSchema(schema: object, options: MakerOptions): boolean {
  const known = counted.get(options) ?? new WeakMap<object, boolean>();
  counted.set(options, known);
  let counts = known.get(schema);
  if (counts === undefined) {
    counts = partsOf(schema).some((part) => !hasMaker(part) || isCounted(makerOf(part), options));
    known.set(schema, counts);
  }
  return counts;
}

function partsOf(schema: object): readonly object[] {
  const parts = new Set([schema]);
  for (const part of parts) {
    if (parts.size > maxParts) break;
    for (const inner of Object.values({ ...definitionOf(part), ...shapeOf(part) })) {
      for (const each of listOf(inner)) if (isPart(each)) parts.add(each);
    }
  }
  return [...parts];
}

/** Checks, such as a least length, look like schemas and are none. */
function isPart(value: unknown): value is object {
  if (!isSchema(value)) return false;
  const { type, typeName } = definitionOf(value);
  return typeof (typeName ?? type) === "string";
}

/** Writes a path of zod's as a JSON Pointer in which every key that the schema does not name is `*`. */
export function pointerIn(schema: object, path: readonly unknown[]): string {
  let places: readonly object[] = [schema];
  let pointer = "";
  for (const step of path) {
    const within = places.flatMap((place) => [...unwrapped(place)]);
    const next = within.map((place) => into(place, step));
    pointer += next.some((found) => found.isNamed) ? `/${pointerStep(step)}` : "/*";
    places = next.flatMap((found) => found.inner).filter(isSchema);
  }
  return pointer;
}

/** RFC 6901: `~` and `/` are escaped. */
export function pointerStep(step: unknown): string {
  return String(step).replaceAll("~", "~0").replaceAll("/", "~1");
}

interface Found {
  readonly isNamed: boolean;
  readonly inner: readonly unknown[];
}

function into(place: object, step: unknown): Found {
  const definition = definitionOf(place);
  const shape = shapeOf(place);
  if (shape !== undefined) {
    const isNamed = typeof step === "string" && Object.hasOwn(shape, step);
    return { isNamed, inner: isNamed ? [shape[step as string]] : [definition["catchall"]] };
  }
  const kind = definition["type"] ?? definition["typeName"];
  const isList = typeof kind === "string" ? /^(?:Zod)?(?:array|tuple|set)$/i.test(kind) : true;
  const parts = ["element", "items", "rest", "type", "valueType"].flatMap((name) => definition[name]);
  return { isNamed: typeof step === "number" && isList, inner: parts };
}

/** A schema and what it only stands around, such as `optional`, a union or a transformation. */
function unwrapped(place: object): ReadonlySet<object> {
  const all = new Set([place]);
  for (const each of all) {
    const definition = definitionOf(each);
    if (shapeOf(each) !== undefined || all.size > maxParts) continue;
    const names = ["innerType", "schema", "in", "out", "left", "right", "options"];
    // Of version 3, where a kind that is no list keeps what it stands around under `type`.
    if (definition["typeName"] !== "ZodArray") names.push("type");
    const inner = names.flatMap((name) => listOf(definition[name]));
    const { getter } = definition;
    if (typeof getter === "function") inner.push(Reflect.apply(getter, definition, []));
    for (const found of inner) if (isSchema(found)) all.add(found);
  }
  return all;
}

function listOf(value: unknown): unknown[] {
  if (value instanceof Map) return [...value.values()];
  return Array.isArray(value) ? value : [value];
}

function definitionOf(schema: object): Readonly<Record<string, unknown>> {
  const definition = field(Reflect.get(schema, "_zod"), "def") ?? Reflect.get(schema, "_def");
  return Object(definition) as Record<string, unknown>;
}

function shapeOf(schema: object): Readonly<Record<string, unknown>> | undefined {
  const { shape } = definitionOf(schema);
  const found: unknown = typeof shape === "function" ? Reflect.apply(shape, undefined, []) : shape;
  return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : undefined;
}
