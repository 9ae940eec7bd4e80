/** Shows of a URL only what may stand in messages: path, query and user name often hold credentials. */

/** Answers `https://host:port`, or `[not a URL]`. */
export function originOf(url: string | URL): string {
  if (!URL.canParse(String(url))) return "[not a URL]";
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
