/** Follows which tracer provider is registered with the OpenTelemetry API. */
import { type ProxyTracerProvider, trace } from "@opentelemetry/api";
import { hasMethods } from "mova-webhooks/plugin";
import { isProvider } from "./processor.ts";

const followers = new Set<() => void>();
let unhook = (): void => {};

/**
 * Calls `found` with the provider that is registered, and with each that is registered later: programs start their
 * SDK after their webhooks. Calls `missing` once where there is none `patienceMs` after this. Returns what ends it.
 */
export function followRegistration(
  found: (provider: object) => void,
  { missing, patienceMs }: { readonly missing: () => void; readonly patienceMs: number },
): () => void {
  function look(): boolean {
    const provider = registeredProvider();
    if (provider !== undefined) found(provider);
    return provider !== undefined;
  }
  if (followers.size === 0) unhook = hookRegistration();
  followers.add(look);
  // Looks once more: another copy of the API may have been told.
  const patience = setTimeout(() => void (look() || missing()), patienceMs).unref();
  look();
  return function unfollow() {
    clearTimeout(patience);
    followers.delete(look);
    if (followers.size === 0) unhook();
  };
}

function hookRegistration(): () => void {
  const name = "setGlobalTracerProvider";
  const original = Reflect.get(trace, name) as (...given: never[]) => boolean;
  function setFollowedTracerProvider(...given: never[]): boolean {
    const isSet: boolean = Reflect.apply(original, trace, given);
    if (isSet) for (const look of followers) look();
    return isSet;
  }
  Reflect.set(trace, name, setFollowedTracerProvider);
  return () => {
    // Where somebody else replaced it since, it stays, and only hands on.
    if (Reflect.get(trace, name) === setFollowedTracerProvider) Reflect.set(trace, name, original);
  };
}

/** The provider behind the API's proxy; undefined while none is registered. */
function registeredProvider(): object | undefined {
  const provider: object = trace.getTracerProvider();
  const real = hasMethods(provider, "getDelegate")
    ? (provider as ProxyTracerProvider).getDelegate()
    : provider;
  return isProvider(real) ? real : undefined;
}
