/** Disk space held back beside the file of the SQLite outbox, so that what waits is delivered where the disk is full. */
import { closeSync, openSync, realpathSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";

const mebibyte = 1024 * 1024;
/** More than the log before the next checkpoint: so much the file itself may have to grow by it. */
const ordinaryBytes = 5 * mebibyte;
/** The same for a disk below `smallDiskBytes`, where the log is kept shorter. */
const smallBytes = mebibyte;
const smallDiskBytes = 256 * mebibyte;
const chunkBytes = 64 * 1024;

export class Reserve {
  readonly #path: string;
  readonly bytes: number;

  constructor(databasePath: string) {
    this.#path = `${realOf(databasePath)}-reserve`;
    const { blocks, bsize } = statfsSync(dirname(this.#path));
    const total = blocks * bsize;
    // Some file systems of a network do not say how large they are.
    this.bytes = total > 0 && total < smallDiskBytes ? smallBytes : ordinaryBytes;
  }

  get isSmall(): boolean {
    return this.bytes === smallBytes;
  }

  /** Another process may have given it up. */
  get isHeld(): boolean {
    return (statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) >= this.bytes;
  }

  /** Returns false where there is no room for it, or hardly any beside it. A disk that forbids it is taken as it is. */
  take(): boolean {
    if (this.isHeld) return true;
    const { blocks, bavail, bsize } = statfsSync(dirname(this.#path));
    if (blocks > 0 && bavail * bsize < 1.25 * this.bytes) return false;
    try {
      this.#fill();
      return true;
    } catch (error) {
      this.release();
      return !(error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT)$/.test(String(error.code)));
    }
  }

  /** Returns whether that made room. */
  release(): boolean {
    const wasThere = statSync(this.#path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.#path, { force: true });
    return wasThere;
  }

  /** With bytes that no file system makes smaller. */
  #fill(): void {
    const chunk = randomBytes(chunkBytes);
    const file = openSync(this.#path, "w", 0o600);
    try {
      for (let written = 0; written < this.bytes; ) written += writeSync(file, chunk);
    } finally {
      closeSync(file);
    }
  }
}

/** The file may be behind a link to another disk. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
