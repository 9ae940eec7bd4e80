/** What real clients see of a refusal that was given before they had sent everything, whichever adapter receives. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { WebhookManager } from "../../src/index.ts";
import { adapters } from "../support/receiver-adapters.ts";
import { testSecret } from "../support/signed-request.ts";

const run = promisify(execFile);
const times = 10;
const program = (name: string): string => new URL(`programs/${name}`, import.meta.url).pathname;

/** `probe` ends well where the client is installed. `posts` prints a status, or what went wrong, for each post. */
interface Client {
  readonly probe: readonly [string, ...string[]];
  readonly posts: (url: string, bytes: number) => readonly [string, ...string[]];
}

let folder: string;
const fileOf = (bytes: number): string => join(folder, String(bytes));
/** A line of a shell, many times over: these programs know one post each. */
const repeated = (line: string): readonly [string, ...string[]] => [
  "sh",
  "-c",
  `for time in $(seq ${times}); do ${line}; done`,
];

const clients: Readonly<Record<string, Client>> = {
  curl: {
    probe: ["curl", "--version"],
    posts: (url, bytes) =>
      repeated(
        `curl -sS -o /dev/null -w '%{http_code}\\n' -H 'content-type: application/json' --data-binary @${fileOf(bytes)} ${url} 2>&1`,
      ),
  },
  "curl, without waiting for a 100": {
    probe: ["curl", "--version"],
    posts: (url, bytes) =>
      repeated(
        `curl -sS -o /dev/null -w '%{http_code}\\n' -H Expect: -H 'content-type: application/json' --data-binary @${fileOf(bytes)} ${url} 2>&1`,
      ),
  },
  wget: {
    probe: ["wget", "--version"],
    posts: (url, bytes) =>
      repeated(
        `wget -t 1 -S -O /dev/null --header='content-type: application/json' --post-file=${fileOf(bytes)} ${url} 2>&1 | sed -n 's/^ *HTTP\\/1.1 \\([0-9]*\\).*/\\1/p'`,
      ),
  },
  "Python's urllib": {
    probe: ["python3", "--version"],
    posts: (url, bytes) => ["python3", program("urllib-client.py"), url, `${bytes}`, `${times}`],
  },
  "Python's requests": {
    probe: ["python3", "-c", "import requests"],
    posts: (url, bytes) => ["python3", program("requests-client.py"), url, `${bytes}`, `${times}`],
  },
  "node:http": {
    probe: [process.execPath, "--version"],
    posts: (url, bytes) => [process.execPath, program("node-http-client.mjs"), url, `${bytes}`, `${times}`],
  },
  fetch: {
    probe: [process.execPath, "--version"],
    posts: (url, bytes) => [process.execPath, program("fetch-client.mjs"), url, `${bytes}`, `${times}`],
  },
  Java: {
    probe: ["java", "--list-modules"],
    posts: (url, bytes) => ["java", program("Client.java"), url, `${bytes}`, `${times}`],
  },
  Go: {
    probe: ["go", "version"],
    posts: (url, bytes) => ["go", "run", program("client.go"), url, `${bytes}`, `${times}`],
  },
};

function isInstalled([command, ...given]: Client["probe"]): boolean {
  try {
    const said = execFileSync(command, given, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    // A Java that runs programs but does not compile them is none.
    return command !== "java" || said.includes("jdk.compiler");
  } catch {
    return false;
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mova-webhooks-clients-"));
  for (const bytes of [200_000, 4_000_000, 20_000_000])
    writeFileSync(fileOf(bytes), Buffer.alloc(bytes, "x"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`;
}

describe.each(Object.entries(adapters))("of the adapter for %s", (_name, adapter) => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(await adapter(new WebhookReceiver({ secret: testSecret }), {}));
    url = await listen(server);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  for (const [name, { probe, posts }] of Object.entries(clients)) {
    it.skipIf(!isInstalled(probe))(`${name}, where it is installed, sees every status`, async () => {
      for (const [bytes, status] of [
        [200_000, 401],
        [4_000_000, 413],
        [20_000_000, 413],
      ] as const) {
        const [command, ...given] = posts(url, bytes);
        const { stdout } = await run(command, given);
        expect([bytes, stdout]).toEqual([bytes, `${status}\n`.repeat(times)]);
      }
    });
  }

  it("our own sender delivers a hundred small events around a large one at the first attempt", async () => {
    const receiver = new WebhookReceiver({ secret: testSecret });
    const handled = new Set<string>();
    receiver.addHandler("*", (_data, event) => handled.add(event.id));
    const own = createServer(await adapter(receiver, {}));
    const webhooks = new WebhookManager({
      endpoints: [{ id: "own", url: await listen(own), secret: testSecret }],
      eventTypes: ["test.sent"],
      network: { allow: ["127.0.0.1"] },
      maxBodyBytes: 2_000_000,
    });
    await webhooks.start();
    const small = [];
    for (let number = 0; number < 100; number += 1) {
      if (number === 10) await webhooks.triggerEvent("test.sent", { text: "x".repeat(1_200_000) });
      small.push(await webhooks.triggerEvent("test.sent", { number }));
    }
    const deliveries = small.flatMap((triggered) => triggered.deliveries);
    await expect.poll(() => handled.size, { timeout: 60_000 }).toBe(100);
    await expect
      .poll(
        async () => (await Promise.all(deliveries.map((id) => webhooks.get(id)))).map((each) => each?.state),
        {
          timeout: 60_000,
        },
      )
      .toEqual(Array(100).fill("delivered"));
    const found = await Promise.all(deliveries.map((id) => webhooks.get(id)));
    expect(found.map((delivery) => delivery?.attempts.map((attempt) => attempt.outcome))).toEqual(
      Array(100).fill(["success"]),
    );
    await webhooks.close();
    own.closeAllConnections();
    await new Promise((resolve) => own.close(resolve));
  });
});
