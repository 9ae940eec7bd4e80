/** What a receiver that echoes its request would otherwise bring into our records. */
import type { Endpoint } from "../../event/endpoint.ts";

export function confidentialTextsOf({ url, secrets, headers }: Endpoint): string[] {
  const values = [...headers.values()].map((value) => value.reveal());
  return [
    ...secrets.map((secret) => secret.reveal()),
    ...values,
    // Of `Bearer …` and `Basic …` the credential alone, too.
    ...values.flatMap((value) => value.split(" ").slice(1)),
    url.pathname + url.search,
    url.pathname,
    ...url.searchParams.values(),
    ...url.pathname.split("/").filter((segment) => segment.length >= 16),
  ];
}
