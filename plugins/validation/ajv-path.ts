/** Writes the places of Ajv's errors with the keys that the schema names, and with `*` for all others. */
import { field } from "./watch-validation.ts";

/** Keywords whose schemas judge the same place. */
const same = ["allOf", "anyOf", "oneOf", "if", "then", "else", "not"];
/** Keywords whose values are schemas by name, of the same place or of another. */
const maps = { same: ["dependentSchemas", "mapping"], keys: ["patternProperties"] } as const;
const names = ["properties", "optionalProperties"];
const items = ["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "elements"];
const others = ["additionalProperties", "unevaluatedProperties", "values"];

/** Most branches of a schema that are looked at. */
const maxPlaces = 1000;

/** What Ajv resolved of the references in a schema: address → schema, its environment, or its validator. */
type References = Readonly<Record<string, unknown>>;

/** `pointer` is an `instancePath`: what it holds of the document's own keys must not leave. */
export function pathIn(root: unknown, references: References, pointer: string): string {
  let places: readonly unknown[] = [root];
  let path = "";
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const within = unfolded(places, root, references);
    const named = within.flatMap((place) => names.flatMap((name) => own(field(place, name), key)));
    const isIndex = /^\d+$/.test(key);
    const inItems = isIndex
      ? within.flatMap((place) => items.flatMap((name) => field(place, name) ?? []))
      : [];
    path += named.length > 0 || inItems.length > 0 ? `/${step}` : "/*";
    const inOthers = within.flatMap((place) => [
      ...others.flatMap((name) => field(place, name) ?? []),
      ...maps.keys.flatMap((name) => Object.values(Object(field(place, name)) as object) as unknown[]),
    ]);
    places = [...named, ...inItems, ...inOthers];
  }
  return path;
}

function unfolded(places: readonly unknown[], root: unknown, references: References): readonly unknown[] {
  const all = new Set(places);
  for (const place of all) {
    if (all.size > maxPlaces) break;
    for (const name of same) for (const found of listOf(field(place, name))) all.add(found);
    for (const name of maps.same)
      for (const found of Object.values(Object(field(place, name)) as object)) all.add(found);
    for (const name of ["$ref", "$dynamicRef", "$recursiveRef"])
      all.add(resolve(field(place, name), root, references));
    const ref = field(place, "ref");
    if (typeof ref === "string") all.add(own(field(root, "definitions"), ref)[0]);
  }
  return [...all];
}

function resolve(reference: unknown, root: unknown, references: References): unknown {
  if (typeof reference !== "string") return undefined;
  if (!reference.startsWith("#")) {
    const found = Object.keys(references).find(
      (name) => name === reference || name.endsWith(`/${reference}`),
    );
    const schema = found === undefined ? undefined : references[found];
    const carries = typeof schema === "function" || field(schema, "schema") !== undefined;
    return carries ? Reflect.get(schema as object, "schema") : schema;
  }
  let place = root;
  for (const step of decodeURI(reference.slice(1)).split("/").slice(1)) {
    place = own(place, step.replaceAll("~1", "/").replaceAll("~0", "~"))[0];
  }
  return place;
}

function own(value: unknown, key: string): readonly unknown[] {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? [Reflect.get(value, key)]
    : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
