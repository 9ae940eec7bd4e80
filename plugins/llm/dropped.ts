/** Ends calls whose answers nobody reads: those that the program let go of, and at its end those that are still open. */
import type { Detach, PluginHost } from "mova-webhooks/plugin";

const registry = new FinalizationRegistry<() => void>((end) => end());

/** Runs `end` once the garbage collector took `holder`. */
export function whenDropped(holder: object, end: () => void): void {
  registry.register(holder, end, holder);
}

export function keep(holder: object): void {
  registry.unregister(holder);
}

const openByHost = new WeakMap<PluginHost, Set<() => void>>();

/** Keeps what ends an open call; the returned function forgets it. */
export function opened(host: PluginHost, end: () => void): () => void {
  const open = openOf(host);
  open.add(end);
  return () => void open.delete(end);
}

/** At the end of a program that has nothing left to do, no answer comes any more. */
export function endOpenCalls(host: PluginHost): Detach {
  function end(): void {
    for (const endCall of openOf(host)) endCall();
  }
  process.on("beforeExit", end);
  return () => void process.off("beforeExit", end);
}

function openOf(host: PluginHost): Set<() => void> {
  const known = openByHost.get(host);
  if (known !== undefined) return known;
  const open = new Set<() => void>();
  openByHost.set(host, open);
  return open;
}
