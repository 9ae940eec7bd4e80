/** Judges a URL by the address rules without connecting. */
import { isIP } from "node:net";
import { refuseAddress, refusePort, type Scheme } from "./judge-address.ts";
import { type NetworkOptions, type NetworkPolicy, resolvePolicy } from "./network-policy.ts";
import { resolveAll } from "./resolve-host.ts";

export type { NetworkOptions } from "./network-policy.ts";

export interface UrlVerdict {
  readonly allowed: boolean;
  /** Why not, naming the setting that would change it. */
  readonly reason?: string;
  /** All that the host resolved to. */
  readonly addresses: readonly string[];
}

/**
 * Resolves the URL's host and judges every address. A name may resolve otherwise later, so the connector of
 * `connector.ts` judges again on every connection. Rejects with CONFIG_INVALID for settings that cannot be read.
 */
export async function checkUrl(url: string, network: NetworkOptions = {}): Promise<UrlVerdict> {
  const policy = resolvePolicy(network);
  if (!URL.canParse(url)) return verdict("This is not a URL", []);
  const target = new URL(url);
  const host = hostOf(target);
  const reason = refuseUnresolved(target, policy);
  if (reason !== undefined || isIP(host) !== 0) return verdict(reason, isIP(host) === 0 ? [] : [host]);
  const answer = await resolve(host, policy);
  if (typeof answer === "string") return verdict(`${host} does not resolve (${answer})`, []);
  if (answer.length === 0) return verdict(`${host} resolves to no address`, []);
  const refused = answer.map((address) => refuseAddress(address, schemeOf(target), policy));
  const first = refused.find((each) => each !== undefined);
  return verdict(first && `${host} resolves to an address that is not called: ${first}`, answer);
}

/**
 * Returns why the URL can never be called under these settings, as far as that is known without resolving its name.
 * For registration, which is synchronous. Throws CONFIG_INVALID for settings that cannot be read.
 */
export function refuseLiteral(url: URL, network: NetworkOptions = {}): string | undefined {
  return refuseUnresolved(url, resolvePolicy(network));
}

function refuseUnresolved(url: URL, policy: NetworkPolicy): string | undefined {
  if (url.protocol !== "https:" && url.protocol !== "http:") return `Scheme ${url.protocol} is not https:`;
  if (url.username !== "" || url.password !== "")
    return "The URL holds a user name or password; use `headers` instead";
  const host = hostOf(url);
  const reason = refusePort(url.protocol, url.port, policy);
  if (reason !== undefined || isIP(host) === 0) return reason;
  return refuseAddress(host, url.protocol, policy);
}

/** Never the text as written: `hostname` holds 127.0.0.1 for 0x7f.1, ①②⑦.0.0.1 and all the other spellings. */
function hostOf(url: URL): string {
  return url.hostname.replace(/[[\]]/g, "");
}

function schemeOf(url: URL): Scheme {
  return url.protocol === "https:" ? "https:" : "http:";
}

function verdict(reason: string | undefined, addresses: readonly string[]): UrlVerdict {
  return reason === undefined ? { allowed: true, addresses } : { allowed: false, reason, addresses };
}

/** Returns all addresses, or the error code of the resolver. */
function resolve(host: string, policy: NetworkPolicy): Promise<string[] | string> {
  return new Promise((done) => {
    resolveAll(policy.lookup, host, {}, (error, answer) => {
      if (error) done("code" in error && typeof error.code === "string" ? error.code : "the lookup failed");
      else done(answer.map(({ address }) => address));
    });
  });
}
