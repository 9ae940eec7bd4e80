/** The driver of the SQLite outbox: Node's own SQLite where it has one, else the add-on better-sqlite3. */
import { createRequire } from "node:module";
import { WebhookError } from "../../event/errors.ts";
import type { Database, Driver } from "./driver.ts";
import { wrapNodeSqlite } from "./driver-node.ts";

/** From this version on Node's own SQLite is there to stay. */
const firstNodeWithSqlite = 24;

let driver: Driver | undefined;

/** Throws DEPENDENCY_MISSING. */
export function loadDriver(): Driver {
  driver ??= Number.parseInt(process.versions.node, 10) >= firstNodeWithSqlite ? nodeDriver() : addOn();
  return driver;
}

function nodeDriver(): Driver {
  return wrapNodeSqlite(createRequire(import.meta.url)("node:sqlite"));
}

/** The native part is loaded with the first database, so one is opened to see whether it can be. */
function addOn(): Driver {
  const require = createRequire(import.meta.url);
  try {
    const Loaded = require("better-sqlite3") as new (...words: Parameters<Driver>) => Database;
    const open: Driver = (path, options) => new Loaded(path, options);
    open(":memory:", { timeout: 0 }).close();
    return open;
  } catch (cause) {
    throw new WebhookError("DEPENDENCY_MISSING", ...whyNot(cause));
  }
}

function whyNot(cause: unknown): [detail: string, options: { cause: unknown; remedy?: string }] {
  const needed = `The SQLite outbox needs the package \`better-sqlite3\`, built for Node ${process.version}`;
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "MODULE_NOT_FOUND";
  if (isMissing) return [needed, { cause }];
  const remedy =
    "What is installed does not load: run `npm rebuild better-sqlite3` with this Node, or use Node 24, which needs no add-on.";
  return [needed, { cause, remedy }];
}
