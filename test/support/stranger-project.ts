/** A project outside the repository that has the package as `npm install` of its tarball would leave it, without a network. */
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, runProgram } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const installed = join(root, "node_modules");

export interface StrangerProject {
  readonly folder: string;
  /** Where the package was unpacked. */
  readonly unpacked: string;
  write(name: string, text: string): void;
  /** Makes packages of this repository's known to it, by links or, for what is instrumented by its path, as copies. */
  link(...names: readonly string[]): void;
  copy(...names: readonly string[]): void;
}

/** Packs what is built, and unpacks it into a project that has nothing else yet. */
export async function strangerProject(): Promise<StrangerProject> {
  const folder = temporaryFolder();
  const unpacked = join(folder, "node_modules/mova-webhooks");
  mkdirSync(unpacked, { recursive: true });
  await succeed("npm", ["pack", "--ignore-scripts", "--pack-destination", folder]);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  await succeed("tar", ["-xzf", join(folder, tarball), "-C", unpacked, "--strip-components", "1"]);

  function place(name: string, put: (from: string, to: string) => void): void {
    const target = join(folder, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    put(join(installed, name), target);
  }
  return {
    folder,
    unpacked,
    write: (name, text) => writeFileSync(join(folder, name), text),
    link: (...names) => names.forEach((name) => place(name, symlinkSync)),
    copy: (...names) =>
      names.forEach((name) => place(name, (from, to) => cpSync(from, to, { recursive: true }))),
  };
}

/** Every package that is installed in this repository. */
export function installedPackages(): string[] {
  return readdirSync(installed).filter((name) => !name.startsWith("."));
}

async function succeed(command: string, words: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram(command, words, { env: process.env });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
}
