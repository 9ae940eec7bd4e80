/** What the program and the thread of the SQLite outbox send each other, and how errors and bytes travel. */
import type { MessagePort } from "node:worker_threads";
import { type ErrorCode, WebhookError } from "../../event/errors.ts";
import type { Logger } from "../../event/logger.ts";
import type { Outbox } from "../outbox.ts";
import type { SqliteOutboxOptions } from "./options.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly options: Omit<SqliteOutboxOptions, "now" | "logger">;
  readonly port: MessagePort;
  /** Holds the number of the last request that was waited for and is served. */
  readonly served: Int32Array;
}

export type Operation = Exclude<keyof Outbox, "contract" | "name" | "guarantees" | "leaseMs">;

export interface Call {
  readonly id: number;
  readonly operation: Operation;
  readonly given: readonly unknown[];
}

/** All calls of one turn. */
export interface Request {
  readonly calls: readonly Call[];
  /** The time by the program's clock, Unix milliseconds. */
  readonly now: number;
  /** Where the program waits for this request: its number. */
  readonly waitedFor?: number;
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: SentError;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly message: string;
}

/** What came of all calls that ended in one turn. The first of a thread is empty, and says that it is there. */
export interface Reply {
  readonly answers: readonly Answer[];
  readonly lines: readonly LogLine[];
}

/** An error as plain data. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: unknown;
  /** Of a WebhookError: its message without the remedy. */
  readonly detail?: string;
  readonly cause?: SentError;
}

export function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...("code" in error && { code: error.code }),
    ...(WebhookError.is(error) && { detail: error.detail }),
    ...(cause !== undefined && { cause: sendError(cause) }),
  };
}

export function receiveError({ detail, code, message, name, stack, cause }: SentError): Error {
  const because = cause === undefined ? {} : { cause: receiveError(cause) };
  if (detail !== undefined) {
    const remedy = message.slice(detail.length + 2);
    return new WebhookError(code as ErrorCode, detail, { ...because, remedy });
  }
  const error = Object.assign(new Error(message, because), code === undefined ? {} : { code });
  Object.defineProperty(error, "name", { value: name, configurable: true });
  Object.defineProperty(error, "stack", { value: stack, configurable: true });
  return error;
}

type Bytes = (bytes: Uint8Array) => Uint8Array;

/**
 * Makes plain data ready to be sent: all bytes in it are copied into one buffer, which travels without another copy.
 * As it is, an array of bytes would take along all of the pool it was cut from.
 */
export function pack(data: unknown): { readonly packed: unknown; readonly transfer: ArrayBuffer[] } {
  let size = 0;
  replaceBytes(data, (bytes) => {
    size += bytes.length;
    return bytes;
  });
  if (size === 0) return { packed: data, transfer: [] };
  const parcel = new Uint8Array(size);
  let used = 0;
  const packed = replaceBytes(data, (bytes) => {
    const place = parcel.subarray(used, used + bytes.length);
    place.set(bytes);
    used += bytes.length;
    return place;
  });
  return { packed, transfer: [parcel.buffer] };
}

/** Gives the bytes of what was received the form that the contract has. */
export function unpack<Data>(data: Data): Data {
  return replaceBytes(data, ({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  ) as Data;
}

/** Copies only what holds bytes that are replaced. */
function replaceBytes(data: unknown, replace: Bytes): unknown {
  if (typeof data !== "object" || data === null) return data;
  if (data instanceof Uint8Array) return replace(data);
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(data)) {
    const replaced = replaceBytes(value, replace);
    if (replaced === value) continue;
    copy ??= (Array.isArray(data) ? [...(data as unknown[])] : { ...data }) as Record<string, unknown>;
    copy[key] = replaced;
  }
  return copy ?? data;
}
