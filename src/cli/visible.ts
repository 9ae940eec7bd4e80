/** Makes texts of strangers safe to print. */

/** Controls, C1 too, and what turns the direction of a line or breaks it: a terminal would obey them. */
const obeyed = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Writes each of them as JSON does, so that JSON stays the same JSON. */
export function visible(text: string): string {
  return text.replace(obeyed, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
