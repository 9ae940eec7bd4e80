/** What is kept of an answer that failed: text as text, all else as base64, and nothing confidential in either. */
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

/** What is kept of an answer with these bytes. */
async function keptOf(body: Buffer): Promise<string | undefined> {
  const server = await testEndpoint((_, response) => response.writeHead(422).end(body));
  const manager = testManager({ endpoints: [{ id: "ops", url: server.url, secret }] });
  await manager.start();
  const { deliveries } = await manager.triggerEvent("cache.updated");
  expect(await manager.drain(5000)).toBe(true);
  return (await manager.get(deliveries[0] ?? ""))?.attempts[0]?.response;
}

const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");

it.each([
  ["a text", Buffer.from("schön, 文字 €"), "schön, 文字 €"],
  ["a text that ends within a character", Buffer.from("schön €").subarray(0, -1), "schön "],
  ["what is no text", png, `base64:${png.toString("base64")}`],
  ["a text with a fault", Buffer.from("sch\xf6n", "latin1"), "sch\ufffdn"],
  ["another charset", Buffer.from("\xef\xf0\xe8\xe2\xe5\xf2", "latin1"), "base64:7/Do4uXy"],
])("of %s", async (_, body, kept) => {
  expect(await keptOf(body)).toBe(kept);
});

it("of a long one the beginning, which says that it is one", async () => {
  const kept = await keptOf(Buffer.alloc(5000, png));
  expect(kept).toMatch(/^base64:iVBORw0K[\w+/]+…$/);
  expect(kept).toHaveLength("base64:".length + 2000 + 1);
});

it.each([
  ["as it is", Buffer.concat([Buffer.alloc(3200, png), Buffer.from(secret)])],
  ["in UTF-16", Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(secret, "utf16le")])],
])("of what is no text and holds the secret %s, nothing", async (_, body) => {
  expect(await keptOf(body)).toBeUndefined();
});
