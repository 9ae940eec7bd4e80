/** Starts the thread of a SQLite outbox, which takes after the program in nothing that may stop it. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { ThreadData } from "./thread-messages.ts";

/** Throws where threads are forbidden. */
export type StartThread = (data: ThreadData) => Worker;

const kind = /\.[jt]s(?=$|\?)/.exec(import.meta.url)?.[0] ?? ".js";
const entry = new URL(`./thread${kind}`, import.meta.url);

/** No `--import`, no inspector, no NODE_OPTIONS: they are the program's. */
export const startThread: StartThread = (data) => startThreadAt(entry, data);

export function startThreadAt(url: URL, data: ThreadData): Worker {
  const { NODE_OPTIONS: _theirs, ...env } = process.env;
  const worker = new Worker(url, {
    name: "mova-webhooks",
    workerData: data,
    transferList: [data.port],
    argv: [],
    execArgv: kind === ".ts" ? readsTypeScript() : [],
    env,
  });
  return worker;
}

/** For the sources of this package, where Node does not read them itself. */
function readsTypeScript(): string[] {
  if ("typescript" in process.features && process.features.typescript !== false) return [];
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json"));
  const api = new URL("dist/esm/api/index.mjs", tsx).href;
  return ["--import", `data:text/javascript,import{register}from${JSON.stringify(api)};register()`];
}
