/** What a manager does from phase to phase: loads what the configuration names, starts, and ends. */
import { mistaken } from "../settings/read/config.ts";
import { keepPruned } from "../outbox/retention.ts";
import { loadPlugin } from "../plugin/load.ts";
import type { AnyPlugin, UseOptions } from "../plugin/contract.ts";
import { withDeadline } from "../time/deadline.ts";
import type { Parts } from "./assemble.ts";
import { type Settings, unknownNames } from "./manager-options.ts";

/** Waits for the outbox and loads the plugins of the configuration; undefined where there is nothing to wait for. */
export function load(
  { settings: { config }, outbox, host }: Parts,
  use: (plugin: AnyPlugin, options: UseOptions) => void,
): Promise<void> | undefined {
  const named = config?.plugins ?? [];
  if (outbox.isOpen && named.length === 0) return undefined;
  return loadAll();

  async function loadAll(): Promise<void> {
    await outbox.opened;
    for (const { name, options, ...choices } of named.filter((choice) => !host.has(choice.name))) {
      use(await loadPlugin(name, options, config?.sourcePath), choices);
    }
  }
}

/** Begins to deliver. Rejects with CONFIG_INVALID, or with what is wrong with the outbox. */
export async function start(
  parts: Parts,
  settings: Settings,
  atEnd: (stop: () => void) => void,
): Promise<void> {
  const { outbox, worker, host, now, logger } = parts;
  refuseUnknownNames(parts, settings, true);
  await outbox.ping();
  host.attach();
  await worker.start();
  if (outbox.guarantees.durable) atEnd(keepPruned(outbox, parts.settings.retention, now, logger));
}

/** Ends what is in flight within the deadline. What waits in memory and is due is delivered first. */
export async function close(
  { host, intake, worker, outbox, metrics }: Parts,
  servers: readonly { close(deadlineMs: number): Promise<void> }[],
  deadlineMs: number,
): Promise<void> {
  const startedAt = performance.now();
  const leftMs = (): number => Math.max(0, deadlineMs - (performance.now() - startedAt));
  host.detach();
  await withDeadline(intake.stored(), leftMs(), () => undefined);
  if (!outbox.guarantees.durable) await worker.drain(leftMs());
  await worker.close(leftMs());
  // Until now it answered scrapes, and said that it is not ready.
  await Promise.all(servers.map((server) => server.close(leftMs())));
  await outbox.close();
  metrics.close();
}

/** Resolves with true once nothing is due or in flight, with false after `deadlineMs`. */
export async function drain({ intake, worker }: Parts, deadlineMs: number): Promise<boolean> {
  const startedAt = performance.now();
  await withDeadline(intake.stored(), deadlineMs, () => undefined);
  return worker.drain(deadlineMs - (performance.now() - startedAt));
}

/** Throws CONFIG_INVALID for plugins that are not there and event types that nobody declares. */
export function refuseUnknownNames(parts: Parts, settings: Settings, loaded: boolean): void {
  const started = new Set(parts.settings.config?.plugins.map(({ name }) => name));
  const hasPlugin = (name: string): boolean => started.has(name) || parts.host.has(name);
  const mistakes = unknownNames(settings, parts.types, hasPlugin, loaded);
  if (mistakes.length > 0) throw mistaken(mistakes);
}
