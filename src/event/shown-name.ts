/** How a name from outside is shown in a message: whole, or only its beginning where it is longer than any name. */
import { cutText } from "./cut-text.ts";

/** No name that this package knows is longer; event types may be as long. */
export const maxNameLength = 128;

export function shownName(name: string): string {
  return cutText(name, maxNameLength);
}
