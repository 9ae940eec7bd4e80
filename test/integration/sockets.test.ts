/** Sockets and file descriptors are bounded, and being short of them is never an endpoint's failure. */
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { runProgram } from "../support/program.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

it("no more are open than may be, and endpoints that share them are all served", async () => {
  const open = new Set<Socket>();
  let most = 0;
  const server = await testEndpoint((_, response) => {
    const { socket } = response;
    if (socket !== null && !open.has(socket)) socket.once("close", () => open.delete(socket));
    if (socket !== null) open.add(socket);
    most = Math.max(most, open.size);
    response.writeHead(204).end();
  });
  const ids = Array.from({ length: 8 }, (_, n) => `ops${n}`);
  const manager = testManager({
    maxSockets: 3,
    endpoints: ids.map((id) => ({ id, url: `${server.url}/${id}`, secret })),
  });
  await manager.start();
  for (let n = 0; n < 20; n += 1) await manager.triggerEvent("cache.updated", { n });
  expect(await manager.drain(10_000)).toBe(true);
  expect(server.requests).toHaveLength(160);
  expect(most).toBeLessThanOrEqual(3);
});

/** Every endpoint gets two events; prints what became of them and what was logged. */
const program = `
import { WebhookManager, memoryOutbox } from "./src/index.ts";
const [url, count] = process.argv.slice(-2);
const lines = [];
const write = (fields, message) => void (message.startsWith("delivery.") || lines.push([message, fields.code]));
const manager = new WebhookManager({
  config: false,
  network: { allow: ["127.0.0.0/8"] },
  outbox: memoryOutbox({ maxDeliveries: 100_000 }),
  logger: { debug: write, info: () => undefined, warn: write, error: write },
  endpoints: Array.from({ length: Number(count) }, (_, n) => ({ id: "ep" + n, url: url + "/" + n, secret: "${secret}" })),
});
await manager.start();
for (let n = 0; n < 2; n += 1) await manager.triggerEvent("cache.updated", { n });
const deadline = performance.now() + 60_000;
while ((await manager.status()).some(({ pending, delivering }) => pending + delivering > 0)) {
  if (performance.now() > deadline) break;
  await manager.drain(1000);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const attempts = [];
for (let cursor; ; ) {
  const page = await manager.find({ limit: 1000, ...(cursor && { cursor }) });
  attempts.push(...page.deliveries.map((delivery) => [delivery.state, delivery.attempts.length].join(" ")));
  cursor = page.cursor;
  if (cursor === undefined) break;
}
const kinds = {};
for (const each of attempts) kinds[each] = (kinds[each] ?? 0) + 1;
console.log(JSON.stringify({ kinds, lines, circuits: [...new Set(manager.getEndpoints().map(({ circuit }) => circuit))] }));
await manager.close();
`;

it.skipIf(!existsSync("/bin/sh"))(
  "2,000 endpoints under a limit of 1,024 descriptors get everything at the first attempt",
  async () => {
    const server = await testEndpoint();
    const evaluate = ["--import", "tsx", "--input-type=module", "--eval", program, server.url, "2000"];
    const limited = 'ulimit -n 1024 && exec "$@"';
    const ended = await runProgram("/bin/sh", ["-c", limited, "sh", process.execPath, ...evaluate]);
    expect(ended.stderr).toBe("");
    expect(JSON.parse(ended.stdout)).toEqual({
      kinds: { "delivered 1": 4000 },
      lines: [["this process cannot send now: deliveries wait", "EMFILE"]],
      circuits: ["closed"],
    });
  },
  90_000,
);
