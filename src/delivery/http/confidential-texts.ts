/** What of an endpoint must not come back into records from a receiver that echoes its request. */
import type { Endpoint } from "../../event/endpoint.ts";

/** Words of a path that say what it is for; a receiver's messages are full of them, and nobody's credential is one. */
const plainWords: ReadonlySet<string> = new Set([
  ...["hook", "hooks", "webhook", "webhooks", "event", "events", "callback", "callbacks", "incoming"],
  ...["service", "services", "integration", "integrations", "notify", "notifications", "receive", "rest"],
]);

/** Returns secrets, header values and what is private in the URL, with the parts that a receiver may take out of them. */
export function confidentialTextsOf({ url, secrets, headers }: Endpoint): string[] {
  return [
    ...secrets.flatMap((secret) => [secret.reveal(), secret.reveal().replace(/^wh[a-z]+_/, "")]),
    ...[...headers.values()].flatMap((value) => partsOfHeader(value.reveal())),
    url.pathname + url.search,
    url.pathname,
    url.search.slice(1),
    ...[...url.searchParams].flatMap(([name, value]) => (value === "" ? [name] : [value])),
    ...url.pathname.split("/").filter((segment) => !plainWords.has(segment.toLowerCase())),
  ];
}

/** The value, what stands after a scheme such as `Bearer`, each cookie or parameter, and the two halves of Basic credentials. */
function partsOfHeader(value: string): string[] {
  const credentials = /^\S+\s+(.*)$/.exec(value)?.[1];
  const parts = (credentials === undefined ? value : `${value};${credentials}`).split(/[;,]\s*/);
  const given = parts.flatMap((part) => [part, part.slice(part.indexOf("=") + 1)]);
  const unquoted = given.flatMap((part) => [
    part,
    part.replace(/^"(.*)"$/, "$1"),
    ...part.split(" ").slice(1),
  ]);
  return [value, ...unquoted, ...basicCredentials(value)];
}

function basicCredentials(value: string): string[] {
  const encoded = /^basic\s+(\S+)$/i.exec(value)?.[1];
  if (encoded === undefined) return [];
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return [decoded, decoded.slice(0, colon), decoded.slice(colon + 1)];
}
