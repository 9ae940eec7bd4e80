/** A project outside the repository that has the package as `npm install` of its tarball would leave it, without a network. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const installed = join(root, "node_modules");

export interface StrangerProject {
  readonly folder: string;
  /** Where the package was unpacked. */
  readonly unpacked: string;
  write(name: string, text: string): void;
  /** Makes packages of this repository's known to it, by links or, for what is instrumented by its path, as copies. */
  link(...names: readonly string[]): void;
  copy(...names: readonly string[]): void;
  remove(): void;
}

/** Packs what is built, and unpacks it into a project that has nothing else yet. */
export async function strangerProject(): Promise<StrangerProject> {
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-stranger-"));
  const unpacked = join(folder, "node_modules/mova-webhooks");
  mkdirSync(unpacked, { recursive: true });
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  await run("tar", ["-xzf", join(folder, tarball), "-C", unpacked, "--strip-components", "1"]);

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
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Every package that is installed in this repository. */
export function installedPackages(): string[] {
  return readdirSync(installed).filter((name) => !name.startsWith("."));
}
