import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** MOVA_WEBHOOK_LONG_TESTS=1 runs the longer form. */
const long = process.env["MOVA_WEBHOOK_LONG_TESTS"] === "1";
const kills = long ? 1000 : 200;
const stops = 200;
/** A lane holds at most twice its concurrency (8 in the sender): what may be sent again after a kill. */
const heldByLane = 16;

const sender = new URL("programs/sender.mjs", import.meta.url).pathname;

let folder: string;
let server: Server;
let url: string;
/** How often each webhook-id was answered 200. */
const received = new Map<string, number>();

beforeEach(async () => {
  folder = temporaryFolder();
  received.clear();
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      const id = String(request.headers["webhook-id"]);
      received.set(id, (received.get(id) ?? 0) + 1);
      response.writeHead(200).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

function run(trigger: boolean): Run {
  const settings = JSON.stringify({ path: join(folder, "outbox.db"), url, trigger });
  const child = spawn(process.execPath, [sender, settings], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const closed = once(reader, "close");
  const begun = new Promise<void>((resolve, reject) => {
    reader.once("line", () => resolve());
    child.once("exit", (code) => reject(new Error(`The sender ended with ${code} before it began`)));
  });
  reader.on("line", (line) => lines.push(line));
  const ended = once(child, "exit").then(async ([code, signal]) => {
    await closed;
    return { code: code as number | null, signal: signal as string | null };
  });
  return { child, lines, begun, ended };
}

async function drain(): Promise<void> {
  const { lines, ended } = run(false);
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(lines).toEqual(["drained"]);
}

/** A line may be cut by the kill: only whole ids count as told. */
function wholeIds(lines: readonly string[]): string[] {
  return lines.filter((line) => /^evt_[0-9a-z]{29}$/.test(line));
}

function duplicates(): number {
  let sum = 0;
  for (const count of received.values()) sum += count - 1;
  return sum;
}

describe("kill -9", () => {
  it(`of the sender at ${kills} random points loses nothing that was accepted`, {
    timeout: kills * 5000,
  }, async () => {
    const accepted: string[] = [];
    for (let cycle = 0; cycle < kills; cycle += 1) {
      const { child, lines, begun, ended } = run(true);
      await begun;
      await wait(Math.random() * 80);
      child.kill("SIGKILL");
      await ended;
      accepted.push(...wholeIds(lines));
    }
    await drain();
    const lost = accepted.filter((id) => !received.has(id));
    console.log(
      `${kills} kills: ${accepted.length} accepted, ${lost.length} lost, ${duplicates()} sent twice`,
    );
    expect(accepted.length).toBeGreaterThan(kills);
    expect(lost).toEqual([]);
    expect(duplicates()).toBeLessThanOrEqual(kills * heldByLane);
  });
});

describe("SIGTERM under load", () => {
  it(`${stops} times loses nothing, and sends nothing again that had finished`, {
    timeout: stops * 8000,
  }, async () => {
    const accepted: string[] = [];
    for (let cycle = 0; cycle < stops; cycle += 1) {
      const { child, lines, begun, ended } = run(true);
      await begun;
      await wait(Math.random() * 50);
      child.kill("SIGTERM");
      expect(await ended).toEqual({ code: 0, signal: null });
      accepted.push(...wholeIds(lines));
    }
    await drain();
    const lost = accepted.filter((id) => !received.has(id));
    console.log(
      `${stops} stops: ${accepted.length} accepted, ${lost.length} lost, ${duplicates()} sent twice`,
    );
    expect(lost).toEqual([]);
    expect(duplicates()).toBe(0);
  });
});
