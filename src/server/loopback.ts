/** Which addresses and names mean this machine only. */
import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? "ipv4" : "ipv6");
}

/**
 * Tells whether a `Host` header names loopback. A page of somebody else's name that resolves to 127.0.0.1 (DNS
 * rebinding) sends that name.
 */
export function isLoopbackHost(header: string | undefined): boolean {
  const [, name = ""] = /^(\[[\da-f:]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? "") ?? [];
  if (name.toLowerCase() === "localhost") return true;
  return isLoopbackAddress(name.replace(/^\[(.*)\]$/, "$1"));
}
