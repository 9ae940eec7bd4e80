/** Which addresses, ports and schemes may be called: the user's network settings, checked once. */
import { lookup } from "node:dns";
import { type IpRange, parseRange } from "../event/ip-address.ts";
import { check } from "../settings/check.ts";
import { network, type NetworkOptions } from "../settings/network.ts";

export type { NetworkOptions } from "../settings/network.ts";

/** Network settings that were checked. */
export interface NetworkPolicy {
  readonly allow: readonly IpRange[];
  readonly deny: readonly IpRange[];
  readonly requireHttps: boolean;
  readonly ports?: ReadonlySet<number>;
  readonly lookup: typeof lookup;
}

/** Checks network settings, where a manager has not done it yet. Throws CONFIG_INVALID. */
export function resolvePolicy(given: NetworkOptions = {}): NetworkPolicy {
  const options = check("`checkUrl()`", network, given, { at: "network" });
  return {
    allow: readRanges(options.allow),
    deny: readRanges(options.deny),
    requireHttps: options.requireHttps ?? network.fields.requireHttps.default,
    ...(options.ports === undefined ? {} : { ports: new Set(options.ports) }),
    lookup: options.lookup ?? lookup,
  };
}

function readRanges(texts: readonly string[] = []): IpRange[] {
  return texts.map(parseRange).filter((range) => range !== undefined);
}
