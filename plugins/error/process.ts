/** Watches the process for errors nobody caught. */
import type { Detach, PluginHost } from "mova-webhooks/plugin";

/**
 * Listens as a monitor only: a listener on `uncaughtException` or `unhandledRejection` would turn a crash into
 * exit code 0. Only synchronous work survives what follows, so the error is published in the listener itself.
 */
export function watchProcess(host: PluginHost): Detach {
  function processCrashes(error: unknown, origin: string): void {
    try {
      host.publish("error:reported", { error, context: { origin, fatal: true }, fatal: true });
    } catch {
      // The process is ending with an error of its own; ours must not take its place.
    }
  }
  process.on("uncaughtExceptionMonitor", processCrashes);
  return () => {
    process.off("uncaughtExceptionMonitor", processCrashes);
  };
}
