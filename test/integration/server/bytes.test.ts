/** What is posted as text goes out as that text: no number is rounded, no key moved, nothing of it left out. */
import { describe, expect, it } from "vitest";
import { secret, testEndpoint } from "../../support/pipeline.ts";
import { post, serve } from "../../support/server.ts";

/** What JavaScript would change by reading and writing it. */
const fragile = [
  ["a 64-bit id", "9007199254740993"],
  ["a number that is too big", "1e400"],
  ["more digits than fit", "0.1000000000000000055"],
  ["another spelling of a number", "[1.0,1E3,-0,1e-7]"],
  ["keys that are numbers", '{"z":1,"10":2,"2":3}'],
  ["a doubled key", '{"a":1,"a":2}'],
  ["nothing", "null"],
  ["blanks and escapes", '{ "a" :\t"\\u0041\\/\\ud83d\\ude00😀" ,\n "b": [ 1 , 2 ] }'],
  ["brackets and quotes in a text", '{"a":"}]\\\\\\"{[","b\\"}":1}'],
  ["a name that objects have", '{"__proto__":{"a":1},"constructor":2}'],
  ["an empty list", "[]"],
  ["a text", '"data"'],
  ["a nesting that no function could write", "[".repeat(20_000) + "]".repeat(20_000)],
] as const;

/** What stands for the data in a body. */
function dataOf(request: { readonly body: Buffer } | undefined): string | undefined {
  const body = String(request?.body);
  const parts =
    /^\{"event_type":"cache\.updated","timestamp":"[^"]{24}","data":([^]*),"source":"mova_sdk","version":"2\.2"\}$/;
  return parts.exec(body)?.[1];
}

describe("data posted as text", () => {
  it.each(fragile)("goes out byte for byte: %s", async (_, data) => {
    const endpoint = await testEndpoint();
    const { url } = await serve({ endpoints: [{ url: endpoint.url, secret }] });
    const answer = await post(`${url}/api/events`, ` {"data" : ${data} , "event_type": "cache.updated"}\n`);
    expect(answer.status).toBe(202);
    const [request] = await endpoint.received(1);
    expect(dataOf(request)).toBe(data);
  });

  it("is the last of doubled ones, also where its name is escaped", async () => {
    const endpoint = await testEndpoint();
    const { url } = await serve({ endpoints: [{ url: endpoint.url, secret }] });
    await post(`${url}/api/events`, '{"data":1,"event_type":"cache.updated","d\\u0061ta":{"data":2.0}}');
    const [request] = await endpoint.received(1);
    expect(dataOf(request)).toBe('{"data":2.0}');
  });

  it("is an empty object where there is none", async () => {
    const endpoint = await testEndpoint();
    const { url } = await serve({ endpoints: [{ url: endpoint.url, secret }] });
    await post(`${url}/api/events`, '{"event_type":"cache.updated"}');
    const [request] = await endpoint.received(1);
    expect(dataOf(request)).toBe("{}");
  });

  it("shows filters, transforms and handlers a number that would be rounded as its text, and goes out untouched", async () => {
    const [plain, changed] = [await testEndpoint(), await testEndpoint()];
    const seen: unknown[] = [];
    const { url, manager } = await serve({
      endpoints: [
        { id: "plain", url: plain.url, secret, filter: ({ data }) => seen.push(data) > 0 },
        { id: "changed", url: changed.url, secret, transform: ({ data }) => ({ body: { data } }) },
      ],
    });
    manager.addEventHandler("*", ({ data }) => seen.push(data));
    const data =
      '{"id":9007199254740993,"much":1e400,"near":-0.1000000000000000055,"held":[1.50,1E3,123456789012345680000]}';
    await post(`${url}/api/events`, `{"event_type":"cache.updated","data":${data}}`);
    expect(dataOf((await plain.received(1))[0])).toBe(data);
    const told = {
      id: "9007199254740993",
      much: "1e400",
      near: "-0.1000000000000000055",
      held: [1.5, 1000, 123456789012345680000],
    };
    expect(JSON.parse((await changed.received(1))[0]?.body.toString() ?? "")).toEqual({ data: told });
    expect(seen).toEqual([told, told]);
  });

  it.each([
    ["alone", '{"a":[1,{"name":"x\\ud83d"}]}', "`data.a[1].name` has half a character"],
    ["of the other kind", '["\\uDE00\\ud83d\\ude00"]', "`data[0]` has half a character"],
    ["twice the first", '{"a":"\\\\\\ud83d\\ud83d\\ude00"}', "`data.a` has half a character"],
    ["in a name", '{"\\ud83d":1}', "`data` has half a character"],
  ])("with half a character is refused with its place: %s", async (_, data, message) => {
    const { url, manager } = await serve();
    const answer = await post(`${url}/api/events`, `{"event_type":"cache.updated","data":${data}}`);
    expect([answer.status, answer.json().error.code]).toEqual([422, "DATA_UNSERIALISABLE"]);
    expect(answer.json().error.message).toContain(message);
    expect((await manager.find()).deliveries).toEqual([]);
  });

  it("with a backslash before what looks like half a character is taken", async () => {
    const endpoint = await testEndpoint();
    const { url } = await serve({ endpoints: [{ url: endpoint.url, secret }] });
    const data = '"\\\\ud83d"';
    expect((await post(`${url}/api/events`, `{"event_type":"cache.updated","data":${data}}`)).status).toBe(
      202,
    );
    expect(dataOf((await endpoint.received(1))[0])).toBe(data);
  });
});
