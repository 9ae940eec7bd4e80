/** What the command line says where the server it asks is another, hangs up, or refuses. */
import { expect, describe, it } from "vitest";
import { ServerClient } from "../../src/cli/server-client.ts";
import { testEndpoint, testManager } from "../support/pipeline.ts";

type Ask = (client: ServerClient) => Promise<unknown>;

const asks: [string, Ask][] = [
  ["endpoints", (client) => client.endpoints()],
  ["status", (client) => client.status()],
  ["enable", (client) => client.enable("ops", false)],
  ["enable with a replay", (client) => client.enable("ops", true)],
  ["disable", (client) => client.disable("ops")],
  ["find", (client) => client.find({})],
  ["get", (client) => client.get("dlv_1")],
  ["explain", (client) => client.explain("evt_1")],
  ["replay", (client) => client.replay({})],
];

it("switches an endpoint of any name", async () => {
  const { url } = await testEndpoint();
  const secret = "a secret of enough bytes";
  const manager = testManager({ endpoints: ["..", "a/b"].map((id) => ({ id, url, secret })) });
  await manager.start();
  const client = new ServerClient((await manager.listen({ port: 0 })).url, undefined);
  for (const { id } of manager.getEndpoints()) await client.disable(id);
  expect(manager.getEndpoints().map(({ enabled }) => enabled)).toEqual([false, false]);
  for (const { id } of manager.getEndpoints()) await client.enable(id, false);
  expect(manager.getEndpoints().map(({ enabled }) => enabled)).toEqual([true, true]);
});

describe("a server that is not ours", () => {
  it.each(asks)("is told by its answer to %s", async (_, ask) => {
    let answer = "";
    const { url } = await testEndpoint((_request, response) => response.end(answer));
    for (answer of ["{}", "[]", "null", '"endpoints"', "<html>", '{"error":{"code":7}}']) {
      await expect(ask(new ServerClient(url, undefined))).rejects.toMatchObject({
        code: "REQUEST_INVALID",
        message: expect.stringMatching(/\(200\) is no mova-webhooks server\. Check --url\.$/),
      });
    }
  });

  it("is told by an error of another form", async () => {
    const { url } = await testEndpoint((_, response) => response.writeHead(404).end('{"error":"not found"}'));
    await expect(new ServerClient(url, undefined).status()).rejects.toThrow(
      "(404) is no mova-webhooks server",
    );
  });

  it("hangs up in the middle of its answer: said as where nobody answers, with what to do", async () => {
    const { url } = await testEndpoint((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("{", () => response.socket?.destroy());
    });
    await expect(new ServerClient(url, undefined).status()).rejects.toMatchObject({
      code: "REQUEST_INVALID",
      message: expect.stringMatching(/^Nobody answers at .*\. Start `mova-webhooks serve`.*--url\.$/),
    });
  });

  it("answers an error that only a newer one has: its own words are shown", async () => {
    const error = { code: "MOON_FULL", message: "The moon is full. Wait. Then ask again." };
    const { url } = await testEndpoint((_, response) =>
      response.writeHead(503).end(JSON.stringify({ error })),
    );
    await expect(new ServerClient(url, undefined).status()).rejects.toMatchObject({
      code: "UNEXPECTED",
      message: error.message,
    });
  });
});

describe("our server", () => {
  const token = "correct-horse-battery-staple";

  it("answers undefined for records that there are not, and its errors keep code and remedy", async () => {
    const manager = testManager();
    await manager.start();
    const { url } = await manager.listen({ port: 0, token });
    const client = new ServerClient(url, token);
    expect([await client.get("dlv_none"), await client.explain("evt_none")]).toEqual([undefined, undefined]);
    await expect(client.disable("none")).rejects.toMatchObject({
      code: "ENDPOINT_UNKNOWN",
      detail: "There is no such endpoint",
      message: expect.stringContaining("List endpoints with"),
    });
    await expect(new ServerClient(url, undefined).status()).rejects.toMatchObject({ code: "TOKEN_INVALID" });
  });
});
