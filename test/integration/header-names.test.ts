/** Names of headers go out as they are written, each once; what is not given is filled in. */
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

it("headers of an endpoint and of its transform keep the case of their names", async () => {
  const server = await testEndpoint();
  const manager = testManager({
    endpoints: [
      {
        ...{ id: "ops", url: server.url, secret },
        headers: { "X-API-Key": "k", "X-Shop-ID": "endpoint's", accept: "application/json" },
        transform: () => ({ body: "{}", headers: { "x-shop-id": "transform's", "X-MyCase": "1" } }),
      },
      { id: "plain", url: server.url, secret },
    ],
  });
  await manager.start();
  await manager.triggerEvent("cache.updated");
  expect(await manager.drain(5000)).toBe(true);
  const sent = server.requests.map(({ rawHeaders }) =>
    Array.from({ length: rawHeaders.length / 2 }, (_, n) => `${rawHeaders[2 * n]}: ${rawHeaders[2 * n + 1]}`),
  );
  const own = sent.find((lines) => lines.includes("X-API-Key: k"));
  expect(own).toEqual(
    expect.arrayContaining(["x-shop-id: transform's", "X-MyCase: 1", "accept: application/json"]),
  );
  expect(own?.filter((line) => /^(x-shop-id|accept):/i.test(line))).toHaveLength(2);
  expect(sent.find((lines) => lines !== own)).toContain("Accept: */*");
});
