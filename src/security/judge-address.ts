/** Says whether an address and a port may be called under a policy. Pure; what is not plainly an IP address is refused. */
import { cutText } from "../event/cut-text.ts";
import {
  embeddedIpv4,
  globalIpv6,
  loopback,
  metadata,
  notEmbedded,
  type NamedRange,
  specialIpv4,
  specialIpv6,
} from "./address-ranges.ts";
import { contains, type IpAddress, type IpRange, parseAddress, parseRange } from "../event/ip-address.ts";
import type { NetworkPolicy } from "./network-policy.ts";

export type Scheme = "http:" | "https:";

const special = [...specialIpv4, ...specialIpv6].map(readNamed);
const metadataRanges = metadata.map(read);
const loopbackRanges = loopback.map(read);
const globalRange = read(globalIpv6);
const embeddings = embeddedIpv4.map((form) => ({ ...form, range: read(form.range) }));
const plainRanges = notEmbedded.map(read);

/** Returns why the address may not be called, naming the setting that would change it, or undefined where it may. */
export function refuseAddress(text: string, scheme: Scheme, policy: NetworkPolicy): string | undefined {
  // A resolver of the user's may return anything, and `isIP` would read a list of one text as that text.
  const address = typeof text === "string" ? parseAddress(text) : undefined;
  if (address === undefined) return `\`${cutText(String(text), 64)}\` is not an IP address`;
  const reason = refuse(address, policy);
  if (reason !== undefined) return `${text} ${reason}`;
  if (scheme === "https:") return undefined;
  // Plain http shows payloads and headers to everybody on the way, so it needs the user's word for the address.
  if (!holds(policy.allow, address))
    return `${text} is called by plain http only when it is listed in \`network.allow\``;
  if (policy.requireHttps && !holds(loopbackRanges, address)) {
    return `${text} is called by plain http only when \`network.require_https\` is false`;
  }
  return undefined;
}

const defaultPorts = { "http:": 80, "https:": 443 } as const;

/** Returns why a port, `""` where the URL names none, may not be called. */
export function refusePort(scheme: Scheme, text: string, policy: NetworkPolicy): string | undefined {
  const port = text === "" ? defaultPorts[scheme] : Number(text);
  if (port === 0) return "Port 0 cannot be connected to";
  if (policy.ports !== undefined && !policy.ports.has(port))
    return `Port ${port} is not listed in \`network.ports\``;
  return undefined;
}

function refuse(address: IpAddress, policy: NetworkPolicy): string | undefined {
  if (holds(metadataRanges, address)) return "serves cloud metadata, which `network.allow` cannot open";
  if (holds(policy.deny, address)) return "is listed in `network.deny`";
  if (!holds(policy.allow, address)) {
    const name = nameOfSpecial(address);
    return name === undefined
      ? undefined
      : `is not a public address (${name}) and is not listed in \`network.allow\``;
  }
  // An opened NAT64, 6to4 or Teredo range must not become a way around the IPv4 rules.
  for (const inner of embeddedIn(address)) {
    const reason = refuse(inner, policy);
    if (reason !== undefined) return `carries ${inner.join(".")}, which ${reason}`;
  }
  return undefined;
}

/** Returns all IPv4 addresses that the address may carry, as far as its form tells. */
function embeddedIn(address: IpAddress): IpAddress[] {
  if (address.length === 4 || holds(plainRanges, address)) return [];
  const inRange = embeddings.filter(({ range }) => contains(range, address));
  const fitting = inRange.filter(({ zero }) => zero?.every((index) => address[index] === 0) === true);
  const meant = fitting.length > 0 ? fitting : inRange.filter(({ zero }) => zero === undefined);
  return meant.map(({ bytes, inverted }) =>
    bytes.map((index) => (address[index] ?? 0) ^ (inverted === true ? 0xff : 0)),
  );
}

function nameOfSpecial(address: IpAddress): string | undefined {
  const found = special.find(({ range }) => contains(range, address));
  if (found !== undefined) return found.name;
  return address.length === 4 || contains(globalRange, address) ? undefined : "outside 2000::/3";
}

function holds(ranges: readonly IpRange[], address: IpAddress): boolean {
  return ranges.some((range) => contains(range, address));
}

function readNamed({ range, name }: NamedRange): { readonly range: IpRange; readonly name: string } {
  return { range: read(range), name };
}

function read(text: string): IpRange {
  const range = parseRange(text);
  if (range === undefined) throw new TypeError(`${text} is not a range`);
  return range;
}
