// A receiver in a process of its own that answers as fast as node:http can, and counts. `hang` never answers.
import { createServer } from "node:http";

const mode = process.argv[2] ?? "answer";
let count = 0;

const server = createServer((request, response) => {
  count += 1;
  request.resume();
  if (mode === "hang") return;
  request.on("end", () => response.writeHead(200, { "content-length": "0" }).end());
});

server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("message", () => process.send({ count }));
process.on("disconnect", () => process.exit(0));
