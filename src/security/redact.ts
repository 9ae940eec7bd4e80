/** Leaves of URLs and texts only what may stand in messages and records. */

/** Returns `https://host:port`, or `[not a URL]`: path, query and user name often hold credentials. */
export function originOf(url: string | URL): string {
  if (!URL.canParse(String(url))) return "[not a URL]";
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** Returns the text with what is confidential replaced. */
export type Redactor = (text: string) => string;

/** What is shorter is a word rather than a credential, and would be found everywhere. */
const shortestConfidential = 8;

export function createRedactor(confidential: readonly string[]): Redactor {
  const found = [...new Set(confidential)].filter((text) => text.length >= shortestConfidential);
  // The longest first: a part of it that is replaced would save the rest.
  found.sort((a, b) => b.length - a.length);
  return (text) => found.reduce((shown, each) => shown.replaceAll(each, "[secret]"), text);
}
