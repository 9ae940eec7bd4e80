/** Servers of tests on free ports, which are ended with their connections when all tests of the file have ended. */
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterAll } from "vitest";

const undo: (() => void)[] = [];

afterAll(() => {
  for (const end of undo) end();
});

/** Returns the port that a server, which may be one of HTTP or TLS, listens on from now on. */
export async function listening(server: Server, host = "127.0.0.1"): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  undo.push(function end() {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}
