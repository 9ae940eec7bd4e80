/** Shortens a text: between two characters, and so that one sees it. */

const ellipsis = "…";

/** Returns a text of at most `maxLength` UTF-16 units: the whole, or its beginning and `…`. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = Math.max(0, maxLength - ellipsis.length);
  return text.slice(0, isPairAt(text, end) ? end - 1 : end) + ellipsis;
}

/** Tells whether an offset is in the middle of a surrogate pair. */
export function isPairAt(text: string, offset: number): boolean {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(Math.max(0, offset - 1), offset + 1));
}
