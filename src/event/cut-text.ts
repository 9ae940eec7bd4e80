/** Shortens a text: between two characters, and so that one sees it. */

const ellipsis = "…";
const ellipsisBytes = Buffer.byteLength(ellipsis);

/** Returns a text of at most `maxLength` UTF-16 units: the whole, or its beginning and `…`. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = Math.max(0, maxLength - ellipsis.length);
  return text.slice(0, isInsidePair(text, end) ? end - 1 : end) + ellipsis;
}

/** Returns a text of at most `maxBytes` of UTF-8. It ends in `…` where there is `more` of it, too. */
export function cutToBytes(text: string, maxBytes: number, more: boolean): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes && !more) return text;
  return textOfBytes(bytes.subarray(0, Math.max(0, maxBytes - ellipsisBytes))) + ellipsis;
}

/** Reads UTF-8 that may have been cut: streaming, the decoder keeps back a character that the cut has split. */
export function textOfBytes(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes, { stream: true });
}

/** Tells whether an offset is in the middle of a surrogate pair. */
export function isInsidePair(text: string, offset: number): boolean {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(Math.max(0, offset - 1), offset + 1));
}
