/**
 * Counts the source files that one event runs through: from `instrument(ajv)` to settled, memory outbox, no tracing.
 * `npm run walk` prints the number and the files in the order of their rooms.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { Session } from "node:inspector/promises";
import { dirname, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { memoryOutbox, WebhookManager } from "../../dist/src/index.js";
import { validation } from "../../dist/plugins/index.js";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

let answered;
const arrival = new Promise((resolve) => (answered = resolve));
const receiver = createServer((request, response) => {
  request.resume().on("end", () => response.end());
  response.on("close", answered);
});
await once(receiver.listen(0, "127.0.0.1"), "listening");

const manager = new WebhookManager({
  config: false,
  outbox: memoryOutbox(),
  network: { allow: ["127.0.0.0/8"] },
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  plugins: [validation()],
  endpoints: [
    {
      id: "receiver",
      url: `http://127.0.0.1:${receiver.address().port}/`,
      eventTypes: ["validation.completed"],
    },
  ],
});
await manager.start();

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

const ajv = manager.instrument(new Ajv());
ajv.validate({ type: "string" }, "valid");
await arrival;
// Long enough to settle, and asked of nobody: asking would be counted.
await sleep(500);

const { result } = await session.post("Profiler.takePreciseCoverage");
session.disconnect();
const { deliveries } = await manager.find({});
if (deliveries[0]?.state !== "delivered") throw new Error("Expected the event to be settled");
await manager.close();
receiver.close();

const walked = result
  .filter(({ url }) => url.startsWith("file:") && fileURLToPath(url).startsWith(dist))
  .map(({ url, functions }) => ({
    file: relative(dist, fileURLToPath(url)).replace(/\.js$/, ".ts"),
    functions: functions.filter(
      ({ functionName, ranges }) => functionName !== "" && ranges.some(({ count }) => count > 0),
    ).length,
  }))
  .filter(({ functions }) => functions > 0)
  .toSorted((one, other) => dirname(one.file).localeCompare(dirname(other.file)));
for (const { file, functions } of walked) console.log(`${String(functions).padStart(4)}  ${file}`);
const total = walked.reduce((sum, { functions }) => sum + functions, 0);
console.log(`One event runs through ${walked.length} files and ${total} functions.`);
