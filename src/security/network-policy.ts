/** Which addresses, ports and schemes may be called: the user's network settings, checked once. */
import { lookup } from "node:dns";
import { WebhookError } from "../event/errors.ts";
import { type IpRange, parseRange } from "./ip-address.ts";

export interface NetworkOptions {
  /** Addresses and CIDRs that may be called although they are not public. Metadata addresses stay refused. */
  readonly allow?: readonly string[];
  /** Addresses and CIDRs that are never called; wins over `allow`. */
  readonly deny?: readonly string[];
  /** False permits plain http to the addresses in `allow`; to loopback addresses in it http is always permitted. @default true */
  readonly requireHttps?: boolean;
  /** @default every port */
  readonly ports?: readonly number[];
  /** Resolves names. @default `dns.lookup` */
  readonly lookup?: typeof lookup;
}

/** Network settings that were checked. */
export interface NetworkPolicy {
  readonly allow: readonly IpRange[];
  readonly deny: readonly IpRange[];
  readonly requireHttps: boolean;
  readonly ports?: ReadonlySet<number>;
  readonly lookup: typeof lookup;
}

/** Checks network settings. Throws CONFIG_INVALID. */
export function resolvePolicy(options: NetworkOptions = {}): NetworkPolicy {
  for (const port of options.ports ?? []) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new WebhookError(
        "CONFIG_INVALID",
        `Expected \`network.ports\` to hold 1 to 65535, got \`${String(port)}\``,
      );
    }
  }
  return {
    allow: readRanges("allow", options.allow ?? []),
    deny: readRanges("deny", options.deny ?? []),
    requireHttps: options.requireHttps ?? true,
    ...(options.ports ? { ports: new Set(options.ports) } : {}),
    lookup: options.lookup ?? lookup,
  };
}

function readRanges(setting: "allow" | "deny", texts: readonly string[]): IpRange[] {
  return texts.map((text) => {
    const range = parseRange(text);
    if (range !== undefined) return range;
    const detail = `Expected \`network.${setting}\` to hold addresses or CIDRs such as 10.0.0.0/8, got \`${text}\``;
    throw new WebhookError("CONFIG_INVALID", detail);
  });
}
