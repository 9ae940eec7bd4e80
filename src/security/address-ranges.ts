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

/** IPv6 ranges that carry an IPv4 address, which a translator or tunnel on the way would reach, and where it starts. */
export const embeddedIpv4: readonly { readonly range: string; readonly firstByte: number }[] = [
  { range: "64:ff9b::/96", firstByte: 12 },
  { range: "::ffff:0:0:0/96", firstByte: 12 },
  { range: "2002::/16", firstByte: 2 },
];
