/** The guarded connector under a real undici Pool, with a canary on loopback that must see nothing. */
import { execFileSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import {
  createServer as createTcpServer,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  type Socket,
} from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { Agent, Client, Pool, request } from "undici";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConnectionSettings, createGuardedConnector } from "../../src/security/connector.ts";
import { type NetworkOptions, resolvePolicy } from "../../src/security/network-policy.ts";
import { fakeResolver } from "../support/fake-resolver.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { listening } from "../support/listening.ts";
import { until } from "../support/until.ts";

let canaryPort: number;
let webPort: number;
let canaryConnections = 0;
let webConnections = 0;

beforeAll(async () => {
  const canary = createTcpServer((socket) => {
    canaryConnections += 1;
    socket.destroy();
  });
  const web = createServer((_request, response) => response.end("ok")).on("connection", () => {
    webConnections += 1;
  });
  // `::` takes IPv4 too, so that every spelling of loopback would arrive.
  [canaryPort, webPort] = await Promise.all([listening(canary, "::"), listening(web)]);
});

beforeEach(() => {
  canaryConnections = 0;
  webConnections = 0;
});

describe("spellings of loopback", () => {
  const spellings = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.127.127.127",
    "0",
    "0.0.0.0",
    "2130706433",
    "0177.0.0.1",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "localhost",
  ];

  test.each(spellings)("http and https to %s reach nobody and name the setting", async (host) => {
    for (const scheme of ["http", "https"]) {
      for (const network of [{}, { requireHttps: false }]) {
        await expect(get(`${scheme}://${host}:${canaryPort}/`, network)).rejects.toMatchObject({
          code: "ENDPOINT_BLOCKED",
          message: expect.stringContaining("network.allow"),
        });
      }
    }
    expect(canaryConnections).toBe(0);
  });

  test("the canary does see a connection where loopback is allowed", async () => {
    const network = { allow: ["127.0.0.1", "::1"] };
    await expect(get(`http://127.0.0.1:${canaryPort}/`, network)).rejects.toMatchObject({
      code: "UND_ERR_SOCKET",
    });
    await expect(get(`http://[::1]:${canaryPort}/`, network)).rejects.toMatchObject({
      code: "UND_ERR_SOCKET",
    });
    expect(canaryConnections).toBe(2);
  });
});

describe("names", () => {
  test("a name is judged by what it resolves to at the moment of connecting", async () => {
    const resolver = fakeResolver({ "rebind.test": [["127.0.0.1"], ["127.0.0.2"]] });
    const pool = guardedPool(`http://rebind.test:${webPort}`, {
      lookup: resolver.lookup,
      allow: ["127.0.0.1"],
    });
    const first = await pool.request({ path: "/", method: "GET", headers: { connection: "close" } });
    await first.body.dump();
    await expect(pool.request({ path: "/", method: "GET" })).rejects.toMatchObject({
      code: "ENDPOINT_BLOCKED",
    });
    expect(resolver.asked).toEqual(["rebind.test", "rebind.test"]);
    expect(webConnections).toBe(1);
    await pool.destroy();
  });

  test("one forbidden address among permitted ones refuses the name, whichever comes first", async () => {
    for (const addresses of [
      ["127.0.0.1", "127.0.0.2"],
      ["127.0.0.2", "127.0.0.1"],
    ]) {
      const { lookup } = fakeResolver({ "mixed.test": addresses });
      const network = { lookup, allow: ["127.0.0.1"] };
      await expect(get(`http://mixed.test:${canaryPort}/`, network)).rejects.toMatchObject({
        code: "ENDPOINT_BLOCKED",
        message: expect.stringContaining("mixed.test resolves to an address that is not called: 127.0.0.2"),
      });
    }
    expect(canaryConnections).toBe(0);
  });

  test("a name whose addresses are all permitted is connected to exactly those", async () => {
    const { lookup } = fakeResolver({ "good.test": ["127.0.0.1"] });
    expect(await get(`http://good.test:${webPort}/`, { lookup, allow: ["127.0.0.0/8"] })).toBe(200);
  });

  test("a resolver that answers one address although all were asked for is understood", async () => {
    const single = answering(null, "127.0.0.1", 4);
    expect(await get(`http://single.test:${webPort}/`, { lookup: single, allow: ["127.0.0.1"] })).toBe(200);
    await expect(get(`http://single.test:${canaryPort}/`, { lookup: single })).rejects.toMatchObject({
      code: "ENDPOINT_BLOCKED",
    });
    const single6 = { lookup: answering(null, "::1", 6), allow: ["::1"] };
    await expect(get(`http://single.test:${canaryPort}/`, single6)).rejects.toMatchObject({
      code: "UND_ERR_SOCKET",
    });
    expect(canaryConnections).toBe(1);
  });

  test("one address is answered where Node asks for one, as it does without autoSelectFamily", async () => {
    const { lookup } = fakeResolver({ "good.test": ["127.0.0.1", "127.0.0.2"] });
    const before = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(false);
    try {
      expect(await get(`http://good.test:${webPort}/`, { lookup, allow: ["127.0.0.0/8"] })).toBe(200);
    } finally {
      setDefaultAutoSelectFamily(before);
    }
  });

  test("a name that does not resolve keeps the resolver's error, and so its own outcome", async () => {
    const again = answering(Object.assign(new Error("try again"), { code: "EAI_AGAIN" }));
    await expect(get("http://a.test/", { lookup: again })).rejects.toMatchObject({ code: "EAI_AGAIN" });
    const { lookup } = fakeResolver({ "empty.test": [] });
    await expect(get("http://empty.test/", { lookup })).rejects.toMatchObject({
      code: "ENOTFOUND",
      message: "empty.test resolves to no address",
    });
  });
});

describe("connections", () => {
  test("a connection kept alive is used again without another look-up", async () => {
    const resolver = fakeResolver({ "good.test": ["127.0.0.1"] });
    const pool = guardedPool(`http://good.test:${webPort}`, {
      lookup: resolver.lookup,
      allow: ["127.0.0.1"],
    });
    for (let count = 0; count < 3; count += 1) {
      const { body } = await pool.request({ path: "/", method: "GET" });
      await body.dump();
    }
    expect(resolver.asked).toEqual(["good.test"]);
    expect(webConnections).toBe(1);
    await pool.destroy();
  });

  test("the address really connected to is judged, whatever the look-up said", async () => {
    // Linux takes 0.0.0.0 to mean loopback: the address that was judged is not the one that answers.
    let bytesSeen = 0;
    const listener = createTcpServer((socket) => socket.on("data", (data) => (bytesSeen += data.length)));
    const port = await listening(listener);
    const network = { allow: ["0.0.0.0"], requireHttps: false };
    await expect(get(`http://0.0.0.0:${port}/`, network)).rejects.toMatchObject({
      code: "ENDPOINT_BLOCKED",
      message: expect.stringContaining("127.0.0.1"),
    });
    await new Promise((done) => listener.close(done));
    expect(bytesSeen).toBe(0);
  });

  test("a refused connection keeps its own error", async () => {
    const closed = createTcpServer();
    const port = await listening(closed);
    await new Promise((done) => closed.close(done));
    const network = { allow: ["127.0.0.1"] };
    await expect(get(`http://127.0.0.1:${port}/`, network)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("TLS is spoken with the name that was asked for, at the address that was judged", async () => {
    const { cert, key } = selfSigned("good.test");
    const names: unknown[] = [];
    const secure = createTlsServer({ cert, key }, (socket) => {
      names.push(socket.servername);
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    const url = `https://good.test:${await listening(secure)}/`;
    const { lookup } = fakeResolver({ "good.test": ["127.0.0.1"] });
    expect(await get(url, { lookup, allow: ["127.0.0.1"] }, { ca: cert })).toBe(200);
    await expect(get(url, { lookup }, { ca: cert })).rejects.toMatchObject({ code: "ENDPOINT_BLOCKED" });
    expect(names).toEqual(["good.test"]);
  });

  test("a name is judged by the scheme it is called with", async () => {
    const { cert, key } = selfSigned("good.test");
    const secure = createTlsServer({ cert, key }, (socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    );
    const authority = `good.test:${await listening(secure)}`;
    const { lookup } = fakeResolver({ "good.test": ["0.0.0.0"] });
    const network = { lookup, allow: ["0.0.0.0", "127.0.0.1"] };
    expect(await get(`https://${authority}/`, network, { ca: cert })).toBe(200);
    await expect(get(`http://${authority}/`, network)).rejects.toMatchObject({
      code: "ENDPOINT_BLOCKED",
      message: expect.stringContaining("network.require_https"),
    });
  });

  test("a socket that closed before its address could be checked counts as reset, not as refused", async () => {
    function closeAtOnce(message: unknown): void {
      const { socket } = message as { readonly socket: Socket };
      socket.once("connect", () => socket.destroy());
    }
    subscribe("net.client.socket", closeAtOnce);
    try {
      await expect(get(`http://127.0.0.1:${webPort}/`, { allow: ["127.0.0.1"] })).rejects.toMatchObject({
        code: "ECONNRESET",
        message: expect.stringContaining("before its address could be checked"),
      });
    } finally {
      unsubscribe("net.client.socket", closeAtOnce);
    }
  });

  test("a signal cuts the connection that waits for its answer, and those that are opened later", async () => {
    const silent = createTcpServer((socket) => socket.resume());
    const url = `http://127.0.0.1:${await listening(silent)}/`;
    const cut = new AbortController();
    const request = (): Promise<number> => get(url, { allow: ["127.0.0.1"] }, { signal: cut.signal });
    const error = { code: "ABORT_ERR", message: "The connection was cut" };
    silent.once("connection", (socket) => socket.once("data", () => cut.abort()));
    await expect(request()).rejects.toMatchObject(error);
    await expect(request()).rejects.toMatchObject(error);
  });

  test.each([
    [{}, 1],
    [{ background: true }, 0],
  ])(
    "with %j the process waits for %d of 1 connection, also when undici asks it to",
    async (settings, held) => {
      const connect = createGuardedConnector(resolvePolicy({ allow: ["127.0.0.1"] }), settings);
      const { hostname, host, port, protocol } = new URL(`http://127.0.0.1:${webPort}/`);
      const socket = await new Promise<Socket>((resolve, reject) =>
        connect({ hostname, host, port, protocol }, (error, opened) =>
          error ? reject(error) : resolve(opened),
        ),
      );
      expect(socket.ref()).toBe(socket);
      const before = socketsHeld();
      socket.unref();
      expect(before - socketsHeld()).toBe(held);
      socket.destroy();
    },
  );

  test("a port that is not listed is refused, also the scheme's own", async () => {
    const network = { allow: ["127.0.0.1"], ports: [8443] };
    for (const url of [`http://127.0.0.1:${canaryPort}/`, "http://127.0.0.1/", "https://127.0.0.1/"]) {
      await expect(get(url, network)).rejects.toMatchObject({
        code: "ENDPOINT_BLOCKED",
        message: expect.stringContaining("network.ports"),
      });
    }
    expect(canaryConnections).toBe(0);
  });

  test("an Agent is guarded as a Pool is", async () => {
    const agent = new Agent({ connect: createGuardedConnector(resolvePolicy()) });
    await expect(request(`http://127.0.0.1:${canaryPort}/`, { dispatcher: agent })).rejects.toMatchObject({
      code: "ENDPOINT_BLOCKED",
    });
    expect(canaryConnections).toBe(0);
    await agent.destroy();
  });
});

function guardedPool(origin: string, network: NetworkOptions, settings: ConnectionSettings = {}): Pool {
  return new Pool(origin, {
    connections: 1,
    connect: createGuardedConnector(resolvePolicy(network), settings),
  });
}

async function get(url: string, network: NetworkOptions, settings?: ConnectionSettings): Promise<number> {
  const pool = guardedPool(new URL(url).origin, network, settings);
  try {
    const { statusCode, body } = await pool.request({ path: "/", method: "GET" });
    await body.dump();
    return statusCode;
  } finally {
    await pool.destroy();
  }
}

/** How many sockets keep this process alive. */
function socketsHeld(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;
}

/** A resolver that gives back the same whatever it is asked, of which the types of `dns.lookup` know nothing. */
function answering(...answer: readonly unknown[]): NonNullable<NetworkOptions["lookup"]> {
  return ((_name: string, _options: object, callback: (...given: readonly unknown[]) => void) =>
    process.nextTick(callback, ...answer)) as unknown as NonNullable<NetworkOptions["lookup"]>;
}

function selfSigned(name: string): { readonly cert: string; readonly key: string } {
  const directory = temporaryFolder();
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" ");
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  execFileSync("openssl", [...request, ...subject, "-keyout", key, "-out", cert], { stdio: "pipe" });
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

test("a signal that cuts connections is listened to only while they are open", async () => {
  const server = createServer((_, response) => response.writeHead(200, { connection: "close" }).end());
  const port = await listening(server);
  const { signal } = new AbortController();
  const client = new Client(`http://127.0.0.1:${port}`, {
    connect: createGuardedConnector(resolvePolicy({ allow: ["127.0.0.0/8"] }), { signal }),
  });
  for (let n = 0; n < 5; n += 1) await (await client.request({ path: "/", method: "POST" })).body.dump();
  await client.close();
  await until(() => getEventListeners(signal, "abort").length === 0);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
