/** Watches the process for errors nobody caught. */
import type { Detach, PluginHost } from "mova-webhooks/plugin";

/** Hosts that are told by one listener: Node would warn of a leak if each of many managers had its own. */
const hosts = new Set<PluginHost>();

function processCrashes(error: unknown, origin: string): void {
  for (const host of hosts) {
    try {
      host.publish("error:reported", { error, context: { origin, fatal: true }, fatal: true });
    } catch {
      // The process is ending with an error of its own; ours must not take its place.
    }
  }
}

/**
 * Listens as a monitor only: a listener on `uncaughtException` or `unhandledRejection` would turn a crash into
 * exit code 0. Only synchronous work survives what follows, so the error is published in the listener itself.
 */
export function watchProcess(host: PluginHost): Detach {
  if (hosts.size === 0) process.on("uncaughtExceptionMonitor", processCrashes);
  hosts.add(host);
  return () => {
    hosts.delete(host);
    if (hosts.size === 0) process.off("uncaughtExceptionMonitor", processCrashes);
  };
}
