/** `send`: one event from the shell, watched until its end. */
import { describe, expect, it } from "vitest";
import { secret, testEndpoint } from "../../support/pipeline.ts";
import { cli, write } from "../../support/cli.ts";

describe("send", () => {
  const toUrl = (url: string): string[] => ["--url", url, "--allow", "127.0.0.0/8", "--secret", secret];

  it("shows each attempt and ends with 0 when it is delivered", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 2 ? 503 : 200).end(),
    );
    const { code, out, err } = await cli([
      "send",
      "cache.updated",
      "--data",
      '{"key":"a"}',
      "--json",
      ...toUrl(endpoint.url),
    ]);
    expect(err).toMatch(/attempt 1: 503 http_5xx[^]*attempt 2: 200 success/);
    expect(JSON.parse(out)).toMatchObject({
      deliveries: [{ state: "delivered", attempts: [{}, { outcome: "success" }] }],
    });
    expect(JSON.parse(endpoint.requests[1]?.body.toString() ?? "")).toMatchObject({ data: { key: "a" } });
    expect(code).toBe(0);
  });

  it("ends with 1 when the receiver refuses it", async () => {
    const endpoint = await testEndpoint(400);
    expect((await cli(["send", "cache.updated", ...toUrl(endpoint.url)])).code).toBe(1);
  });

  it("ends with 1 and the reason when the receiver switches itself off", async () => {
    const endpoint = await testEndpoint((_, response) =>
      response.writeHead(503, { "webhook-delivery": "disable" }).end(),
    );
    const { code, err } = await cli(["send", "cache.updated", ...toUrl(endpoint.url)]);
    expect(code).toBe(1);
    expect(err).toContain("url is disabled: webhook-delivery: disable");
  });

  it("ends with 1 and the reason when there is nobody to send to, or events are switched off", async () => {
    const nobody = await cli(["send", "cache.updated"]);
    expect(nobody.code).toBe(1);
    expect(nobody.err).toContain("no endpoint is configured");
    write(
      "mova.config.yaml",
      `webhook:\n  secret: ${secret}\n  network: { allow: [127.0.0.0/8] }\n  endpoints: [{ id: ops, url: "http://127.0.0.1:9/", event_types: [llm.*] }]\n`,
    );
    const unwanted = await cli(["send", "cache.updated"]);
    expect(unwanted.code).toBe(1);
    expect(unwanted.err).toContain("no endpoint wants it");
    const off = await cli(["send", "cache.updated"], { env: { MOVA_WEBHOOK_ENABLED: "false" } });
    expect(off.code).toBe(1);
    expect(off.err).toContain("MOVA_WEBHOOK_ENABLED");
  });

  it("reads data from a file and from stdin, and says what is wrong with it", async () => {
    const endpoint = await testEndpoint();
    const file = write("data.json", '{"from":"file"}');
    await cli(["send", "cache.updated", "--data", `@${file}`, ...toUrl(endpoint.url)]);
    await cli(["send", "cache.updated", "--data", "-", ...toUrl(endpoint.url)], {
      input: '{"from":"stdin"}',
    });
    const sent = endpoint.requests.map(({ body }) => (JSON.parse(body.toString()) as { data: unknown }).data);
    expect(sent).toEqual([{ from: "file" }, { from: "stdin" }]);
    const wrong = await cli(["send", "cache.updated", "--data", "{key:1}", ...toUrl(endpoint.url)]);
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain("Expected --data to be JSON");
  });

  it("hands data on byte for byte, and says where it has half a character", async () => {
    const endpoint = await testEndpoint();
    const data = '{ "z":9007199254740993, "10":1e400, "2":null, "2":0.1000000000000000055 }';
    await cli(["send", "cache.updated", "--data", data, ...toUrl(endpoint.url)]);
    await cli(["send", "cache.updated", "--data", "null", ...toUrl(endpoint.url)]);
    const sent = endpoint.requests.map(({ body }) => body.toString());
    expect(sent[0]).toContain(`,"data":${data},`);
    expect(sent[1]).toContain(',"data":null,');
    const half = await cli(["send", "cache.updated", "--data", '{"a":"\\ud83d"}', ...toUrl(endpoint.url)]);
    expect(half).toMatchObject({ code: 2, out: "" });
    expect(half.err).toContain("`--data.a` has half a character");
  });

  it("names the nearest types where one is mistyped", async () => {
    const { code, err } = await cli(["send", "cache.updatd", ...toUrl("http://127.0.0.1:9/")]);
    expect(code).toBe(2);
    expect(err).toContain("cache.updated");
  });

  it("to a forbidden address is refused with the setting that permits it", async () => {
    const { code, err } = await cli([
      "send",
      "cache.updated",
      "--url",
      "http://127.0.0.1:9/",
      "--secret",
      secret,
    ]);
    expect(code).toBe(2);
    expect(err).toContain("network.allow");
  });
});
