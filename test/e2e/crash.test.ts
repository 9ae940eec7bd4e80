import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { listening } from "../support/listening.ts";
import { type Running, startProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

/** MOVA_WEBHOOK_LONG_TESTS=1 runs the longer form. */
const long = process.env["MOVA_WEBHOOK_LONG_TESTS"] === "1";
const kills = long ? 1000 : 200;
const stops = 200;
/** A lane holds at most twice its concurrency (8 in the sender): what may be sent again after a kill. */
const heldByLane = 16;

const sender = new URL("programs/sender.mjs", import.meta.url).pathname;

let folder: string;
let url: string;
/** How often each webhook-id was answered 200. */
const received = new Map<string, number>();

beforeEach(async () => {
  folder = temporaryFolder();
  received.clear();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const id = String(request.headers["webhook-id"]);
      received.set(id, (received.get(id) ?? 0) + 1);
      response.writeHead(200).end();
    });
  });
  url = `http://127.0.0.1:${await listening(server)}/`;
});

function run(trigger: boolean): Running {
  const settings = JSON.stringify({ path: join(folder, "outbox.db"), url, trigger });
  return startProgram(process.execPath, [sender, settings]);
}

/** Resolves once the sender has said something. */
async function begun({ child, stdout }: Running): Promise<void> {
  await until(() => stdout() !== "" || child.exitCode !== null, 20_000, 1);
  expect(child.exitCode).toBeNull();
}

async function drain(): Promise<void> {
  expect(await run(false).ended).toEqual({ code: 0, signal: null, stdout: "drained\n", stderr: "" });
}

/** A line may be cut by the kill: only whole ids count as told. */
function wholeIds(text: string): string[] {
  return text.split("\n").filter((line) => /^evt_[0-9a-z]{29}$/.test(line));
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
      const sending = run(true);
      await begun(sending);
      await wait(Math.random() * 80);
      sending.child.kill("SIGKILL");
      accepted.push(...wholeIds((await sending.ended).stdout));
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
      const sending = run(true);
      await begun(sending);
      await wait(Math.random() * 50);
      sending.child.kill("SIGTERM");
      const { stdout, ...end } = await sending.ended;
      expect(end).toEqual({ code: 0, signal: null, stderr: "" });
      accepted.push(...wholeIds(stdout));
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
