/** Power cuts, full disks and read-only disks under the SQLite outbox: what was accepted is there afterwards. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** MOVA_WEBHOOK_LONG_TESTS=1 runs the longer form. */
const cycles = process.env["MOVA_WEBHOOK_LONG_TESTS"] === "1" ? 500 : 25;
const writerPath = new URL("power-loss/writer.ts", import.meta.url).pathname;
const shimSource = new URL("power-loss/disk.c", import.meta.url).pathname;

let folder: string;
let shim: string;
const running = new Set<ChildProcess>();

beforeAll(() => {
  folder = temporaryFolder();
  shim = join(folder, "disk.so");
  execFileSync("cc", ["-O1", "-shared", "-fPIC", "-o", shim, shimSource, "-ldl", "-lpthread"]);
});

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** A disk of its own: `file` is what the writer sees, `survivor` what a power cut leaves, `fault` breaks it. */
function newDisk(name: string) {
  const [seen, kept] = [join(folder, name, "seen"), join(folder, name, "kept")];
  mkdirSync(seen, { recursive: true });
  mkdirSync(kept);
  const files = {
    file: join(seen, "outbox.db"),
    survivor: join(kept, "outbox.db"),
    fault: join(folder, name, "fault"),
  };
  return {
    ...files,
    environment: { DISK_FROM: seen, DISK_TO: kept, DISK_FAULT: files.fault, LD_PRELOAD: shim },
  };
}

type Disk = ReturnType<typeof newDisk>;

/** Runs the writer until `isEnough` of its lines, then kills it; answers the ids it was told are accepted. */
async function write(
  disk: Disk,
  synchronous: string,
  lanes: number,
  isEnough: (line: string, count: number) => boolean,
) {
  const argv = ["--import", "tsx", writerPath, disk.file, synchronous, String(lanes)];
  const writer = spawn(process.execPath, argv, {
    env: { ...process.env, ...disk.environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(writer);
  const exited = once(writer, "exit");
  const accepted: string[] = [];
  for await (const line of createInterface(writer.stdout)) {
    const [verdict, id] = line.split(" ");
    if (verdict === "accepted" && id !== undefined) accepted.push(id);
    if (isEnough(line, accepted.length)) writer.kill("SIGKILL");
  }
  await exited;
  running.delete(writer);
  return accepted;
}

/** Which of the ids are not in the outbox; all of them where there is no outbox. */
async function missingFrom(file: string, ids: readonly string[]): Promise<string[]> {
  const outbox = sqliteOutbox({ path: file });
  try {
    const missing: string[] = [];
    for (const id of ids) {
      const record = await outbox.event(id);
      if (record === undefined || !record.event.body.equals(Buffer.alloc(1000, id))) missing.push(id);
    }
    return missing;
  } finally {
    await outbox.close();
  }
}

/** Cuts the power at a different moment of each cycle; answers how much was accepted, and how much of it is gone. */
async function cutPower(synchronous: string, times: number): Promise<{ accepted: number; lost: number }> {
  let [accepted, lost] = [0, 0];
  for (let cycle = 0; cycle < times; cycle += 1) {
    const disk = newDisk(`${synchronous}-${cycle}`);
    const enough = 1 + ((cycle * 397) % 4000);
    const ids = await write(disk, synchronous, 16, (_line, count) => count >= enough);
    accepted += ids.length;
    lost += (await missingFrom(disk.survivor, ids)).length;
    rmSync(join(folder, `${synchronous}-${cycle}`), { recursive: true });
  }
  return { accepted, lost };
}

describe("a power cut", () => {
  it("loses nothing that was accepted", async () => {
    const { accepted, lost } = await cutPower("FULL", cycles);
    expect(accepted).toBeGreaterThan(cycles * 100);
    expect(lost).toBe(0);
  });

  it("loses events without synchronous=FULL, or this test would prove nothing", async () => {
    const { lost } = await cutPower("NORMAL", 5);
    expect(lost).toBeGreaterThan(0);
  });
});

describe.for([
  ["ENOSPC", "full"],
  ["EROFS", "read-only"],
  ["EIO", "broken"],
])("a disk that is %2$s for a while", ([errno = "", word = ""]) => {
  it(`refuses with OUTBOX_UNAVAILABLE, loses nothing, and goes on by itself (${word})`, async () => {
    const disk = newDisk(errno);
    const reasons = new Set<string>();
    let refusals = 0;
    let acceptedAtRepair = 0;
    const ids = await write(disk, "FULL", 4, (line, count) => {
      if (count === 50 && refusals === 0) writeFileSync(disk.fault, errno);
      if (line.startsWith("refused")) {
        reasons.add(line);
        refusals += 1;
        if (refusals === 20) {
          rmSync(disk.fault);
          acceptedAtRepair = count;
        }
      }
      return refusals >= 20 && count >= acceptedAtRepair + 200;
    });
    expect([...reasons]).toEqual(["refused OUTBOX_UNAVAILABLE"]);
    expect(await missingFrom(disk.file, ids)).toEqual([]);
    expect(readdirSync(join(folder, errno, "kept"))).toContain("outbox.db");
    expect(await missingFrom(disk.survivor, ids)).toEqual([]);
  });
});
