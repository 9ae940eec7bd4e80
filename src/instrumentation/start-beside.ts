/** Starts the process-wide manager beside a program, from the configuration alone. */
import { createRequire } from "node:module";
import { cache, config, error, llm, redis, validation } from "mova-webhooks/plugins";
import { loadConfig, type WebhookConfig } from "../settings/read/config.ts";
import { WebhookError } from "../event/errors.ts";
import { WebhookManager } from "../manager/manager.ts";
import { defaultChoice, openOutbox } from "../outbox/kinds.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { setWebhookManager } from "../manager/process-wide.ts";
import { MovaInstrumentation } from "./instrumentation.ts";
import type { AnyPlugin } from "../plugin/contract.ts";
import { zeroCodePlugins } from "../plugin/built-in.ts";
import { onUnwatched, type Unwatched } from "../plugin/module-patches.ts";
import { hookModules } from "./module-hooks.ts";
import { registerOwn } from "./own-hooks.ts";
import { finishWithProgram } from "./program-end.ts";
import { startTracing } from "./tracing-sdk.ts";

/** The compiler asks here for each plugin of the list. */
const makers: Readonly<Record<(typeof zeroCodePlugins)[number], () => AnyPlugin>> = {
  ...{ validation, cache, redis, llm, error, config },
};

/** Node's own list of the CommonJS modules of this process. */
const { cache: loaded } = createRequire(import.meta.url);

/** Never rejects: what is wrong is said once on stderr, and the program runs without webhooks. */
export async function startBeside(): Promise<void> {
  try {
    const loadedBefore = new Set(Object.keys(loaded));
    const settings = loadConfig();
    if (settings.enabled) await start(settings, loadedBefore);
  } catch (cause) {
    say(`${describe(cause)}\nThe program runs without webhooks.`);
  }
}

async function start(settings: WebhookConfig, loadedBefore: ReadonlySet<string>): Promise<void> {
  const tracing = await startTracing(process.env);
  const manager = new WebhookManager({
    ...(settings.outbox === undefined && { outbox: await defaultOutbox() }),
    background: true,
    plugins: settings.plugins.length > 0 ? [] : zeroCodePlugins.map((name) => makers[name]()),
  });
  await manager.start();
  setWebhookManager(manager);
  const patches = manager.modulePatches();
  forgetOwnCopies(
    loadedBefore,
    patches.map(({ module }) => module),
  );
  // Where the log is silent it is said all the same: nothing else tells that a library's events are missing.
  if ((settings.logLevel ?? "silent") === "silent") onUnwatched(sayUnwatched);
  await hookModules(patches);
  registerOwn(() => void new MovaInstrumentation({ manager }));
  finishWithProgram(manager, tracing);
}

/** Nobody chose this file: where it cannot be used, the events of this run are kept in memory instead. */
async function defaultOutbox(): Promise<Outbox> {
  const outbox = await openOutbox(defaultChoice(process.cwd()));
  try {
    await outbox.ping();
    return outbox;
  } catch (cause) {
    say(`${describe(cause)}\nUndelivered events are kept in memory, and lost when the program ends.`);
    return openOutbox();
  }
}

/** What we loaded for ourselves, such as zod, the program loads afresh, so that it is patched then. */
function forgetOwnCopies(loadedBefore: ReadonlySet<string>, modules: readonly string[]): void {
  for (const path of Object.keys(loaded)) {
    const name = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1]?.replace("\\", "/");
    if (name !== undefined && modules.includes(name) && !loadedBefore.has(path)) delete loaded[path];
  }
}

function describe(cause: unknown): string {
  if (WebhookError.is(cause)) return cause.message;
  // A stranger's message may quote what it choked on.
  return `Webhooks could not be started: ${cause instanceof Error ? cause.name : typeof cause}`;
}

function sayUnwatched({ plugin, module, version, versions }: Unwatched): void {
  say(`${module} ${version} was loaded and is not watched: \`${plugin}\` knows ${versions.join(" and ")}.`);
}

function say(text: string): void {
  process.stderr.write(`mova-webhooks: ${text}\n`);
}
