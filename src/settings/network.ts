/** The settings of the network: which addresses, ports and schemes may be called. */
import type { lookup } from "node:dns";
import { parseRange } from "../event/ip-address.ts";
import { list, object } from "./composed.ts";
import { kindOf } from "./kind-of.ts";
import { callable, flag, whole } from "./kinds.ts";
import { type Fields, type Setting, unfit } from "./setting.ts";

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

const rangeWords = "an address or a CIDR such as 10.0.0.0/8";

const addressRange: Setting<string> = {
  expected: () => rangeWords,
  read: (value) => {
    if (typeof value === "string" && parseRange(value) !== undefined) return { value };
    return unfit(rangeWords, kindOf(value));
  },
};

const ranges = list(addressRange, "a list of addresses and CIDRs");

const fields = {
  allow: { ...ranges, variable: "MOVA_WEBHOOK_ALLOW" },
  deny: ranges,
  requireHttps: { ...flag, default: true },
  ports: list(whole(1, 65_535), "a list of ports"),
  lookup: callable(),
} satisfies Fields<NetworkOptions>;

export const network = { ...object<NetworkOptions>(fields), fields };
