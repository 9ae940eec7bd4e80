/** The address ranges that are not called: the IANA special-purpose registries and the clouds' metadata addresses, as data. */

export interface NamedRange {
  readonly range: string;
  readonly name: string;
}

/** IPv4: everything is public except these. */
export const specialIpv4: readonly NamedRange[] = [
  { range: "0.0.0.0/8", name: "this network, which reaches loopback on Linux" },
  { range: "10.0.0.0/8", name: "private" },
  { range: "100.64.0.0/10", name: "carrier-grade NAT" },
  { range: "127.0.0.0/8", name: "loopback" },
  { range: "169.254.0.0/16", name: "link-local" },
  { range: "172.16.0.0/12", name: "private" },
  { range: "192.0.0.0/24", name: "IETF protocol assignments" },
  { range: "192.0.2.0/24", name: "documentation" },
  { range: "192.31.196.0/24", name: "AS112" },
  { range: "192.52.193.0/24", name: "AMT relay" },
  { range: "192.88.99.0/24", name: "6to4 relay" },
  { range: "192.168.0.0/16", name: "private" },
  { range: "192.175.48.0/24", name: "AS112" },
  { range: "198.18.0.0/15", name: "benchmarking" },
  { range: "198.51.100.0/24", name: "documentation" },
  { range: "203.0.113.0/24", name: "documentation" },
  { range: "224.0.0.0/4", name: "multicast" },
  { range: "240.0.0.0/4", name: "reserved" },
];

/** IPv6: nothing is public except this range, and in it not the special blocks below. */
export const globalIpv6 = "2000::/3";

/** The blocks outside `globalIpv6` are refused without being listed; those listed here only get a better name. */
export const specialIpv6: readonly NamedRange[] = [
  { range: "::/128", name: "unspecified" },
  { range: "::1/128", name: "loopback" },
  { range: "64:ff9b::/96", name: "NAT64" },
  { range: "64:ff9b:1::/48", name: "NAT64" },
  { range: "fc00::/7", name: "private" },
  { range: "fe80::/10", name: "link-local" },
  { range: "ff00::/8", name: "multicast" },
  { range: "2001::/23", name: "IETF protocol assignments" },
  { range: "2001:db8::/32", name: "documentation" },
  { range: "2002::/16", name: "6to4" },
  { range: "2620:4f:8000::/48", name: "AS112" },
  { range: "3fff::/20", name: "documentation" },
];

export const loopback: readonly string[] = ["127.0.0.0/8", "::1/128"];

/** Answer with credentials or machine settings to whoever asks; no setting opens them. */
export const metadata: readonly string[] = [
  "169.254.169.254", // AWS, Azure, Google Cloud and others
  "169.254.170.2", // AWS ECS credentials
  "169.254.170.23", // AWS EKS credentials
  "169.254.0.23", // Tencent Cloud
  "169.254.42.42", // Scaleway
  "168.63.129.16", // Azure WireServer, a public address
  "100.100.100.200", // Alibaba Cloud
  "192.0.0.192", // Oracle Cloud
  "fd00:ec2::254", // AWS
  "fd00:ec2::23", // AWS EKS credentials
  "fd20:ce::254", // Google Cloud
  "fd00:42::42", // Scaleway
];

/** Where an IPv6 address carries an IPv4 address, which a translator or tunnel on the way would reach. */
export interface Embedding {
  readonly range: string;
  /** Which of its 16 bytes are the four of the IPv4 address. */
  readonly bytes: readonly [number, number, number, number];
  /** True where every bit of them is turned over. */
  readonly inverted?: boolean;
  /** Which bytes are zero where the address stands there. A form without this is meant where none with it fits. */
  readonly zero?: readonly number[];
}

export const embeddedIpv4: readonly Embedding[] = [
  // NAT64, RFC 6052.
  { range: "64:ff9b::/96", bytes: [12, 13, 14, 15] },
  // NAT64 of a network's own, RFC 8215: the length of the prefix, its owner's choice, says where the address stands.
  { range: "64:ff9b:1::/48", bytes: [6, 7, 9, 10], zero: [8, 11, 12, 13, 14, 15] },
  { range: "64:ff9b:1::/48", bytes: [7, 9, 10, 11], zero: [8, 12, 13, 14, 15] },
  { range: "64:ff9b:1::/48", bytes: [9, 10, 11, 12], zero: [8, 13, 14, 15] },
  { range: "64:ff9b:1::/48", bytes: [12, 13, 14, 15] },
  // Translated, RFC 2765, and compatible, RFC 4291.
  { range: "::ffff:0:0:0/96", bytes: [12, 13, 14, 15] },
  { range: "::/96", bytes: [12, 13, 14, 15] },
  // 6to4, RFC 3056.
  { range: "2002::/16", bytes: [2, 3, 4, 5] },
  // Teredo, RFC 4380: the server, and the client behind it.
  { range: "2001::/32", bytes: [4, 5, 6, 7] },
  { range: "2001::/32", bytes: [12, 13, 14, 15], inverted: true },
];

/** Have the form of an embedded address and are none. */
export const notEmbedded: readonly string[] = ["::/128", "::1/128"];
