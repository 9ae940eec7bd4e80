/** Names from outside in messages: whole where they can be names, else their beginning. */

/** No name that this package knows is longer; event types may be as long. */
export const maxNameLength = 128;

export function shownName(name: string): string {
  return name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength)}…`;
}
