/** A disk of a few megabytes that fills for real: a file system in memory, mounted for one test. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SmallDisk {
  readonly folder: string;
  /** Takes all that is free, as another program's file would. */
  fill(): void;
  /** Gives that back. */
  clear(): void;
  /** Ends it. Nothing of it may be open any more. */
  unmount(): void;
}

/** Why tests that need such a disk cannot run here; undefined where they can. */
export function reasonWithoutSmallDisk(): string | undefined {
  try {
    mountSmallDisk(1).unmount();
    return undefined;
  } catch {
    return "this user may not mount a file system";
  }
}

export function mountSmallDisk(megabytes: number): SmallDisk {
  const folder = temporaryFolder();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  if (status !== 0) throw new Error("a file system could not be mounted");
  const filler = join(folder, "filler");
  return {
    folder,
    fill() {
      const file = openSync(filler, "a");
      try {
        for (const size of [65_536, 4096, 1]) {
          for (;;) if (!writes(file, size)) break;
        }
      } finally {
        closeSync(file);
      }
    },
    clear: () => rmSync(filler),
    unmount: () => void spawnSync("umount", [folder]),
  };
}

/** Returns false where the disk is full. */
function writes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size, 1)) === size;
  } catch {
    return false;
  }
}
