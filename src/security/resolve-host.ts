/** Resolves a name to all of its addresses, with `dns.lookup` or what the user brought, which is not trusted to answer well. */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { isIP } from "node:net";
import { ignoreRejection } from "../event/at-once.ts";
import { clearTimeout, setTimeout } from "../time/timers.ts";

/** For a lookup of the user's; `dns.lookup` always calls back. */
const defaultMs = 10_000;

/**
 * Calls back once: with every address, or with an error whose code is one of `dns` (`ETIMEOUT` where the user's lookup
 * does not call back in time, `EBADRESP` where it throws or gives no addresses). Also reads resolvers that return one
 * address although all were asked for.
 */
export function resolveAll(
  resolver: typeof lookup,
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
  timeoutMs = defaultMs,
): void {
  // The overloads of `dns.lookup` do not say that its callback may get either shape.
  const anyShape = resolver as (
    name: string,
    options: LookupOptions,
    done: (error: Error | null, answer?: unknown, family?: number) => void,
  ) => unknown;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  function end(error: Error | null, addresses: readonly LookupAddress[] = []): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    callback(error, addresses);
  }
  if (resolver !== lookup) {
    timer = setTimeout(
      () => end(failed("ETIMEOUT", `The lookup of ${hostname} did not call back`)),
      timeoutMs,
    );
    timer.unref();
  }
  const threw = (cause: unknown): void => end(failed("EBADRESP", `The lookup of ${hostname} threw`, cause));
  try {
    const returned = anyShape(hostname, { ...options, all: true }, (error, answer, family) => {
      if (error) return end(asError(error, hostname));
      const addresses = addressesOf(answer, family);
      if (addresses !== undefined) end(null, addresses);
      else end(failed("EBADRESP", `The lookup of ${hostname} gave what is no list of addresses`));
    });
    ignoreRejection(returned, threw);
  } catch (error) {
    threw(error);
  }
}

/** Undefined where it is nothing of the kind. */
function addressesOf(answer: unknown, family: unknown): readonly LookupAddress[] | undefined {
  if (typeof answer === "string") return addressesOf([{ address: answer, family }], undefined);
  if (!Array.isArray(answer)) return undefined;
  const addresses = answer.map((each: unknown): unknown => Object(each).address);
  if (!addresses.every((address) => typeof address === "string" && isIP(withoutZone(address)) !== 0)) {
    return undefined;
  }
  return (addresses as string[]).map((address) => ({ address, family: isIP(withoutZone(address)) }));
}

/** `fe80::1%eth0` is an address too. */
function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

/** Whatever the user's lookup fails with: an error of Node has its code, and one without becomes one of `dns`. */
function asError(error: unknown, hostname: string): Error {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error;
  return failed("EBADRESP", `The lookup of ${hostname} failed`, error);
}

function failed(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}
