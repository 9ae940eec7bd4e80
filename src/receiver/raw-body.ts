/** Takes a received body as bytes, and says what helps where a framework has parsed it. */
import { isAnyArrayBuffer } from "node:util/types";
import { type Refused, refuse } from "./receive-result.ts";

/** The body as received. A string is taken as the UTF-8 it was decoded from; bytes are safer. */
export type RawBody = Uint8Array | ArrayBuffer | string;

export type BytesOrRefusal = { readonly ok: true; readonly bytes: Buffer } | Refused;

/** Returns a view of the body's bytes, or refuses what is too large or no raw body. The size is checked first. */
export function rawBytes(rawBody: unknown, maxBytes: number): BytesOrRefusal {
  if (typeof rawBody === "string") {
    const length = Buffer.byteLength(rawBody);
    return length > maxBytes ? tooLarge(maxBytes) : { ok: true, bytes: Buffer.from(rawBody) };
  }
  const bytes = viewOf(rawBody);
  if (bytes === undefined) {
    const got = rawBody === undefined || rawBody === null ? "nothing" : `a parsed ${typeof rawBody}`;
    return refuse("BODY_PARSED", `Expected the raw body as bytes or a string, got ${got}`);
  }
  return bytes.length > maxBytes ? tooLarge(maxBytes) : { ok: true, bytes };
}

function viewOf(body: unknown): Buffer | undefined {
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isAnyArrayBuffer(body) ? Buffer.from(body) : undefined;
}

export function tooLarge(maxBytes: number): Refused {
  return refuse("BODY_TOO_LARGE", `The body has more than ${maxBytes} bytes`);
}
