/** IP addresses and ranges as bytes. Text that is not plainly an address is no address: nothing here guesses. */
import { isIP } from "node:net";

/** 4 or 16 bytes. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) has 4. */
export type IpAddress = readonly number[];

export interface IpRange {
  readonly first: IpAddress;
  readonly prefixBits: number;
}

/** Reads an address; a zone (`fe80::1%eth0`) is left out, and an IPv4-mapped address becomes the IPv4 address. */
export function parseAddress(text: string): IpAddress | undefined {
  const bytes = readBytes(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address. Bits after the prefix are ignored. */
export function parseRange(text: string): IpRange | undefined {
  const slash = text.indexOf("/");
  const first = readBytes(slash === -1 ? text : text.slice(0, slash));
  if (first === undefined) return undefined;
  const allBits = first.length * 8;
  const prefix = slash === -1 ? String(allBits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > allBits) return undefined;
  if (isMapped(first) && Number(prefix) >= 96) {
    return { first: first.slice(12), prefixBits: Number(prefix) - 96 };
  }
  return { first, prefixBits: Number(prefix) };
}

/** Tells whether the range holds the address. IPv4 ranges never hold IPv6 addresses, nor the other way round. */
export function contains(range: IpRange, address: IpAddress): boolean {
  if (range.first.length !== address.length) return false;
  return address.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, range.prefixBits - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((range.first[index] ?? 0) & mask);
  });
}

function readBytes(text: string): number[] | undefined {
  const version = isIP(text);
  if (version === 4) return text.split(".").map(Number);
  return version === 6 ? readIpv6(text.split("%", 1)[0] ?? "") : undefined;
}

function readIpv6(text: string): number[] {
  const [head = "", tail = ""] = text.split("::");
  const start = readGroups(head);
  const end = readGroups(tail);
  return [...start, ...Array<number>(16 - start.length - end.length).fill(0), ...end];
}

function readGroups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function isMapped(bytes: IpAddress): boolean {
  return bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}
