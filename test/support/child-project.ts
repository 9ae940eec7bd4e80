/** Programs of their own with packages of their own, run with and without `--import mova-webhooks/register`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sqliteLoads } from "./native-sqlite.ts";
import { type Ended, root, startProgram } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const register = join(root, "dist/src/instrumentation/register.js");
/** A program that is compared gets a flag too: Node itself prints other frames of its own with one. */
const nothing = "data:text/javascript,";

export interface RunOptions {
  /** @default true */
  readonly watched?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Path of the Node to run. @default the one that runs this */
  readonly node?: string;
  /** Modules that are imported before ours. */
  readonly before?: readonly string[];
  /** Sent as soon as the program writes something. */
  readonly kill?: NodeJS.Signals;
  /** Hears what the program writes. */
  readonly onOutput?: (text: string) => void;
}

export interface ChildProject {
  readonly folder: string;
  write(name: string, text: string): void;
  run(program: string, options?: RunOptions): Promise<Ended>;
}

/**
 * Makes a folder in which `versions` (real name → name of the alias it is installed under) are found under their real
 * names. Copies of links, because Node resolves symbolic links, and the hooks see the real path.
 */
export function childProject(versions: Readonly<Record<string, string>> = {}): ChildProject {
  const modules = join(root, "node_modules");
  const folder = temporaryFolder(join(modules, ".child-project-"));
  for (const [name, alias] of Object.entries(versions)) {
    const target = join(folder, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    execFileSync("cp", ["-rl", join(modules, alias), target]);
  }
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/mova-webhooks"));

  return {
    folder,
    write: (name, text) => writeFileSync(join(folder, name), text),
    async run(
      program,
      { watched = true, env = {}, node = process.execPath, before = [], kill, onOutput } = {},
    ) {
      const imported = [...before, watched ? register : nothing].flatMap((each) => ["--import", each]);
      const { child, ended } = startProgram(node, [...imported, program], { folder, env });
      child.stdout.on("data", (text: string) => {
        onOutput?.(text);
        if (kill !== undefined) child.kill(kill);
      });
      return ended;
    },
  };
}

/** The least that is to be configured to send to a receiver on loopback. */
export function webhookEnvironment(url: string): Record<string, string> {
  return {
    MOVA_WEBHOOK_URL: url,
    MOVA_WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    MOVA_WEBHOOK_ALLOW: "127.0.0.0/8",
    ...(!sqliteLoads && { MOVA_WEBHOOK_OUTBOX: "memory" }),
  };
}

/** Where an npm alias put another Node; undefined where it is not installed. */
export function nodeOf(major: 22 | 24): string | undefined {
  const path = join(root, `node_modules/node${major}/bin/node`);
  return existsSync(path) ? path : undefined;
}
