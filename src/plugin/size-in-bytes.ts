/** Measures data without keeping, copying or fully reading what is big, and without running any of its own code. */
import { types } from "node:util";

/** Larger and deeper structures are not measured: that would cost the component more than the figure is worth. */
const maxNodes = 10_000;
const maxDepth = 100;

interface Budget {
  nodesLeft: number;
  depthLeft: number;
}

/**
 * Measures a text or binary value as it is, and plain data as its JSON text. Undefined where that would cost too much
 * (over 10,000 parts, or 100 levels), or cannot be known without running foreign code (class instances, getters,
 * proxies, `toJSON`).
 */
export function sizeInBytes(value: unknown): number | undefined {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) return value.byteLength;
  return measureJson(value, { nodesLeft: maxNodes, depthLeft: maxDepth });
}

function measureJson(value: unknown, budget: Budget): number | undefined {
  budget.nodesLeft -= 1;
  if (budget.nodesLeft < 0) return undefined;
  switch (typeof value) {
    case "string":
      return jsonTextBytes(value);
    case "number":
      return Number.isFinite(value) ? String(value).length : 4;
    case "boolean":
      return value ? 4 : 5;
    case "object":
      if (value === null) return 4;
      return measureInside(value, budget);
    default:
      return undefined;
  }
}

function measureInside(object: object, budget: Budget): number | undefined {
  if (budget.depthLeft === 0) return undefined;
  if (types.isProxy(object)) return undefined;
  budget.depthLeft -= 1;
  const size = Array.isArray(object) ? measureArray(object, budget) : measureObject(object, budget);
  budget.depthLeft += 1;
  return size;
}

function measureArray(values: readonly unknown[], budget: Budget): number | undefined {
  if (Object.getPrototypeOf(values) !== Array.prototype || "toJSON" in values) return undefined;
  let bytes = 2 + Math.max(0, values.length - 1);
  for (let index = 0; index < values.length; index += 1) {
    const item = ownValue(values, index);
    const size = item === undefined ? 4 : measureJson(item, budget);
    if (size === undefined) return undefined;
    bytes += size;
  }
  return bytes;
}

function measureObject(object: object, budget: Budget): number | undefined {
  const prototype: unknown = Object.getPrototypeOf(object);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in object) return undefined;
  let bytes = 2;
  let members = 0;
  // Not Object.entries: that would list all members of an object which is too big.
  for (const key in object) {
    const member = ownValue(object, key);
    if (member === getter) return undefined;
    if (member === undefined || typeof member === "function" || typeof member === "symbol") continue;
    const size = measureJson(member, budget);
    if (size === undefined) return undefined;
    bytes += jsonTextBytes(key) + 1 + size;
    members += 1;
  }
  return bytes + Math.max(0, members - 1);
}

/** Stands for a value that only a getter knows. */
const getter = Symbol("getter");

function ownValue(object: object, key: string | number): unknown {
  const property = Object.getOwnPropertyDescriptor(object, key);
  return property?.get === undefined && property?.set === undefined ? property?.value : getter;
}

function jsonTextBytes(text: string): number {
  // oxlint-disable-next-line no-control-regex -- these are the characters JSON escapes
  const escapes = /["\\\u0000-\u001f\ud800-\udfff]/.test(text);
  return escapes ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2;
}
