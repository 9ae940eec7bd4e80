/** Resolves a name to all of its addresses, with `dns.lookup` or what the user brought. */
import type { LookupAddress, LookupOptions, lookup } from "node:dns";

/** Calls back with every address. Also reads resolvers that return one address although all were asked for. */
export function resolveAll(
  resolver: typeof lookup,
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  // The overloads of `dns.lookup` do not say that its callback may get either shape.
  const anyShape = resolver as (
    name: string,
    options: LookupOptions,
    done: (error: Error | null, answer?: string | readonly LookupAddress[], family?: number) => void,
  ) => void;
  anyShape(hostname, { ...options, all: true }, (error, answer, family) => {
    if (error) callback(error, []);
    else if (typeof answer === "string") callback(null, [{ address: answer, family: family === 6 ? 6 : 4 }]);
    else callback(null, answer ?? []);
  });
}
