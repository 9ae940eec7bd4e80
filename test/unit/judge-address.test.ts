/** The address rules against an oracle of another making: Node's native BlockList over written-out first and last addresses. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { describe, expect, test } from "vitest";
import { refuseAddress } from "../../src/security/judge-address.ts";
import { resolvePolicy } from "../../src/security/network-policy.ts";

const policy = resolvePolicy();
const isPublic = (address: string): boolean => refuseAddress(address, "https:", policy) === undefined;

/** From the IANA registries, as first and last address. */
const notPublicIpv4 = `
  0.0.0.0 0.255.255.255          10.0.0.0 10.255.255.255        100.64.0.0 100.127.255.255
  127.0.0.0 127.255.255.255      169.254.0.0 169.254.255.255    172.16.0.0 172.31.255.255
  192.0.0.0 192.0.0.255          192.0.2.0 192.0.2.255          192.31.196.0 192.31.196.255
  192.52.193.0 192.52.193.255    192.88.99.0 192.88.99.255      192.168.0.0 192.168.255.255
  192.175.48.0 192.175.48.255    198.18.0.0 198.19.255.255      198.51.100.0 198.51.100.255
  203.0.113.0 203.0.113.255      224.0.0.0 255.255.255.255      168.63.129.16 168.63.129.16`;

const notPublicIpv6 = `
  :: 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
  2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
  2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
  2002:: 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
  2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff
  3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
  4000:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff`;

const oracle4 = blockList(notPublicIpv4, "ipv4");
const oracle6 = blockList(notPublicIpv6, "ipv6");

/** Judges a number: the text is made from it here and read back by the code under test. */
function oracleSaysPublic(value: bigint, family: 4 | 6): boolean {
  if (family === 6 && value >> 32n === 0xffffn) return oracleSaysPublic(value & 0xffffffffn, 4);
  return family === 4 ? !oracle4.check(ipv4(value), "ipv4") : !oracle6.check(plainIpv6(value), "ipv6");
}

describe("generated addresses", () => {
  test("20,000 IPv4 addresses, at random and around every edge, are judged as the oracle does, in 2 spellings", () => {
    const random = seededRandom(1);
    const edges = edgesOf(notPublicIpv4).map(ipv4Number).flatMap(withNeighbours);
    const values = [...edges, ...many(20_000, () => random(32))].map((value) => value & 0xffffffffn);
    const wrong = values.filter((value) => {
      const expected = oracleSaysPublic(value, 4);
      return isPublic(ipv4(value)) !== expected || isPublic(`::ffff:${ipv4(value)}`) !== expected;
    });
    expect(wrong.map(ipv4)).toEqual([]);
    expect(values.length).toBeGreaterThan(20_000);
  });

  test("40,000 IPv6 addresses, at random, near known prefixes and around every edge, are judged as the oracle does", () => {
    const random = seededRandom(2);
    const edges = edgesOf(notPublicIpv6).map(ipv6Number).flatMap(withNeighbours);
    const prefixes = [...edges, 0n, 0xffffn << 32n, 0x64ff9bn << 96n, 0xfe80n << 112n, 0x2001_0db8n << 96n];
    const pick = (): bigint => prefixes[Number(random(8)) % prefixes.length] ?? 0n;
    const values = [
      ...edges,
      ...many(10_000, () => random(128)),
      ...many(10_000, () => (1n << 125n) | random(125)),
      ...many(10_000, () => pick() ^ random(40)),
      ...many(10_000, () => pick() ^ (random(12) << (random(7) % 116n))),
    ].map((value) => value & ((1n << 128n) - 1n));
    const wrong = values.filter((value) => {
      const expected = oracleSaysPublic(value, 6);
      return [plainIpv6(value), compressed(value), dottedIpv6(value)].some(
        (text) => isPublic(text) !== expected,
      );
    });
    expect(wrong.map(plainIpv6)).toEqual([]);
  });

  test("20,000 ranges hold what the native list says they hold", () => {
    const random = seededRandom(3);
    const wrong = many(20_000, () => {
      const [network, bits] = [random(128), Number(random(8) % 129n)];
      const address = network ^ ((random(64) << (random(7) % 128n)) & ((1n << 128n) - 1n));
      const list = new BlockList();
      list.addSubnet(plainIpv6(network), bits, "ipv6");
      const denied = resolvePolicy({ deny: [`${plainIpv6(network)}/${bits}`] });
      const ours = refuseAddress(plainIpv6(address), "https:", denied)?.includes("network.deny") ?? false;
      // Mapped addresses are IPv4 here, on purpose: `::/0` does not cover them.
      if (address >> 32n === 0xffffn || network >> 32n === 0xffffn) return "";
      return ours === list.check(plainIpv6(address), "ipv6")
        ? ""
        : `${plainIpv6(network)}/${bits} ${plainIpv6(address)}`;
    }).filter((text) => text !== "");
    expect(wrong).toEqual([]);
  });
});

test.each([
  ["this network", "0.1.2.3"],
  ["private", "10.1.2.3 172.16.0.1 192.168.0.1 fc00::1 fd12::1"],
  ["carrier-grade NAT", "100.64.0.1"],
  ["loopback", "127.0.0.2 ::1"],
  ["link-local", "169.254.1.1 fe80::1"],
  ["IETF protocol assignments", "192.0.0.1 2001::1"],
  ["documentation", "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1"],
  ["AS112", "192.31.196.1 192.175.48.1 2620:4f:8000::1"],
  ["AMT relay", "192.52.193.1"],
  ["6to4 relay", "192.88.99.1"],
  ["6to4", "2002::1"],
  ["benchmarking", "198.18.0.1"],
  ["multicast", "224.0.0.1 ff02::1"],
  ["reserved", "240.0.0.1 255.255.255.255"],
  ["unspecified", "::"],
  ["NAT64", "64:ff9b::808:808"],
  ["outside 2000::/3", "4000::1"],
])("the reason says %s of %s", (name, addresses) => {
  for (const address of addresses.split(" "))
    expect(refuseAddress(address, "https:", policy)).toContain(`${address} is not a public address (${name}`);
});

describe("text that is not plainly an address", () => {
  // `net.BlockList` answers false, "not blocked", to each of these.
  test.each([
    "bogus",
    "",
    " ",
    "127.1",
    "0177.0.0.1",
    "0x7f000001",
    "2130706433",
    "127.0.0.1 ",
    " 127.0.0.1",
    "127.0.0.1\0",
    "127.0.0.01",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "[::1]",
    ":::1",
    "1::2::3",
    "::ffff:7f00:1/128",
    "8.8.8.8/32",
    "8.8.8.8%eth0",
    "①.1.1.1",
    "::ffff:127.1",
    "g::1",
    "2606:4700:4700::1111 ",
    "localhost",
  ])("%j is refused", (text) => {
    expect(isPublic(text)).toBe(false);
  });

  test("a zone does not hide a link-local address, and does not break a public one", () => {
    expect(refuseAddress("fe80::1%eth0", "https:", policy)).toContain("link-local");
    expect(isPublic("2606:4700:4700::1111%1")).toBe(true);
  });

  test("what is no text at all is refused", () => {
    expect(isPublic(undefined as unknown as string)).toBe(false);
    expect(isPublic(["8.8.8.8"] as unknown as string)).toBe(false);
  });

  test("is shown with 64 of its characters", () => {
    expect(refuseAddress("x".repeat(65), "https:", policy)).toBe(
      `\`${"x".repeat(63)}…\` is not an IP address`,
    );
  });
});

function edgesOf(table: string): string[] {
  return table.trim().split(/\s+/);
}

function blockList(table: string, family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  const texts = edgesOf(table);
  for (let index = 0; index < texts.length; index += 2) {
    const [first = "", last = ""] = texts.slice(index, index + 2);
    if (!(family === "ipv4" ? isIPv4(first) && isIPv4(last) : isIPv6(first) && isIPv6(last)))
      throw new Error(first);
    list.addRange(first, last, family);
  }
  return list;
}

function ipv4Number(text: string): bigint {
  return BigInt(
    `0x${text
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("")}`,
  );
}

/** Through the URL parser, which is not what the code under test reads addresses with. */
function ipv6Number(text: string): bigint {
  const [head = "", tail = ""] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const words = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const missing = 8 - words(head).length - words(tail).length;
  const all = [...words(head), ...Array<string>(missing).fill("0"), ...words(tail)];
  return BigInt(`0x${all.map((word) => word.padStart(4, "0")).join("")}`);
}

function ipv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

function plainIpv6(value: bigint): string {
  return (value.toString(16).padStart(32, "0").match(/.{4}/g) ?? []).join(":");
}

function compressed(value: bigint): string {
  return new URL(`http://[${plainIpv6(value)}]/`).hostname.slice(1, -1);
}

function dottedIpv6(value: bigint): string {
  return `${plainIpv6(value).slice(0, 30)}${ipv4(value & 0xffffffffn)}`;
}

function withNeighbours(value: bigint): bigint[] {
  return [value - 1n, value, value + 1n];
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** A xorshift generator, so that a failure can be repeated. */
function seededRandom(seed: number): (bits: number) => bigint {
  let state = BigInt(seed) * 0x9e3779b97f4a7c15n;
  return (bits) => {
    let value = 0n;
    for (let drawn = 0; drawn < bits; drawn += 64) {
      state ^= (state << 13n) & 0xffffffffffffffffn;
      state ^= state >> 7n;
      state ^= (state << 17n) & 0xffffffffffffffffn;
      value = (value << 64n) | state;
    }
    return value & ((1n << BigInt(bits)) - 1n);
  };
}
