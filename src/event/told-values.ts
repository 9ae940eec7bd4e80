/** Writes what JSON has a form for only where one is chosen: errors, Maps, Sets and the like, which it makes `{}` of. */
import { types } from "node:util";
import { describeErrorWithMessage, isError } from "./describe-error.ts";
import { WebhookError } from "./errors.ts";
import { shownName } from "./shown-name.ts";

const hidden = "[redacted]";
const credential = /authorization|cookie|token|secret|password|signature|api-?key/i;

/** Writes JSON of any value. Throws DATA_UNSERIALISABLE with the place of what has no form. */
export function writeAnything(data: unknown): string | undefined {
  const places = new Map<object, string>();
  const forms = new Map<object, object>();
  return JSON.stringify(data, function told(this: object, key: string, given: unknown): unknown {
    if (typeof given !== "object" || given === null) return given;
    const place = placeOf(places.get(this), Array.isArray(this) ? `[${key}]` : `.${shownName(key)}`);
    // The same form for the same value, so that a circle is seen as one.
    const form = forms.get(given) ?? formOf(given, place);
    if (typeof form === "object") {
      forms.set(given, form);
      places.set(form, place);
    }
    return form;
  });
}

function placeOf(holder: string | undefined, step: string): string {
  return holder === undefined ? "data" : holder + step;
}

function formOf(value: object, place: string): object | string {
  if (Array.isArray(value)) return value;
  if (isError(value)) return errorForm(value);
  if (types.isMap(value)) return mapForm(value, place);
  if (types.isSet(value)) return [...value];
  if (types.isRegExp(value)) return String(value);
  if (types.isTypedArray(value) || types.isBoxedPrimitive(value)) return value;
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === "URLSearchParams") return (value as URLSearchParams).toString();
  if (kind === "Headers" && Symbol.iterator in value) return headersForm(value as Headers);
  const isEmpty = Object.keys(value).length === 0;
  if (kind === "Object" || kind === "Arguments" || !isEmpty) return value;
  throw new WebhookError("DATA_UNSERIALISABLE", `\`${place}\` is a ${kind}, which JSON has no form for`, {
    remedy: "Pass what it stands for: await a promise, copy what a receiver needs into a plain object.",
  });
}

/** Never its stack, which tells of the machine. */
function errorForm(error: Error): object {
  const { error_type: name, error_message: message } = describeErrorWithMessage(error);
  const cause = Object.hasOwn(error, "cause") ? { cause: error.cause } : {};
  const errors = error instanceof AggregateError ? { errors: error.errors } : {};
  const fields = Object.fromEntries(Object.entries(error));
  return { name, message, ...cause, ...errors, ...fields, stack: undefined };
}

function mapForm(map: ReadonlyMap<unknown, unknown>, place: string): object {
  for (const key of map.keys()) {
    if (typeof key === "string") continue;
    throw new WebhookError("DATA_UNSERIALISABLE", `\`${place}\` is a Map with a ${typeof key} as a key`, {
      remedy: "Use texts as keys, or pass `[...map]`, a list of pairs.",
    });
  }
  return Object.fromEntries(map);
}

/** Several of a name are a list. What others may not see is hidden. */
function headersForm(headers: Headers): object {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of headers) {
    const shown = credential.test(name) ? hidden : value;
    const known = values.get(name);
    values.set(name, known === undefined ? shown : [known, shown].flat());
  }
  return Object.fromEntries(values);
}
