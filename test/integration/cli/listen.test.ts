/** `listen`: a receiver beside a program that is being written. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint } from "../../support/pipeline.ts";
import { cli, startListen } from "../../support/cli.ts";
import { RawClient } from "../../support/raw-client.ts";

describe("listen", () => {
  it("verifies, prints, fails as planned, and forwards", async () => {
    const behind = await testEndpoint(202);
    const plan = ["--json", "--fail", "500:1,reset", "--forward", behind.url, "--secret", secret];
    const listening = await startListen(plan);
    const { code, err } = await cli([
      "send",
      "cache.updated",
      "--url",
      listening.url,
      "--allow",
      "127.0.0.0/8",
      "--secret",
      secret,
    ]);
    listening.child.kill("SIGINT");
    expect(code).toBe(0);
    expect(err).toMatch(/attempt 1: 500[^]*attempt 2: reset[^]*attempt 3: 202/);
    const lines = (await listening.ended).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ attempt, standard, mova, answered }) => [attempt, standard, mova, answered])).toEqual(
      [
        ["1", "verified", "verified", 500],
        ["2", "verified", "verified", "reset"],
        ["3", "verified", "verified", undefined],
      ],
    );
    expect(behind.requests).toHaveLength(1);
    expect(behind.requests[0]?.headers["webhook-signature"]).toMatch(/^v1,/);
  });
});

describe("listen --forward", () => {
  it("leaves out what belongs to the connection, and ends on SIGTERM", async () => {
    const behind = await testEndpoint(202);
    const { child, url, ended } = await startListen(["--forward", behind.url, "--secret", secret]);
    const body = '{"event_type":"cache.updated","data":{}}';
    const signed = await cli(["sign", body, "--secret", secret, "--json"]);
    const posted = request(url, {
      method: "POST",
      headers: {
        ...(JSON.parse(signed.out) as Record<string, string>),
        "transfer-encoding": "chunked",
        te: "trailers",
        "keep-alive": "timeout=5",
        trailer: "x-checksum",
      },
    });
    posted.write(body.slice(0, 5));
    posted.end(body.slice(5));
    const [response] = (await once(posted, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(202);
    const headers = behind.requests[0]?.headers ?? {};
    expect(headers).toMatchObject({ "webhook-id": "evt_1", "content-length": String(body.length) });
    for (const name of ["transfer-encoding", "te", "trailer"]) expect(headers).not.toHaveProperty(name);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });
});

describe("listen, before anything is verified,", () => {
  it.each([[["--json"]], [[]]])("prints nothing that a terminal would obey, with %j", async (json) => {
    const { child, url, ended } = await startListen([...json, "--secret", secret]);
    const client = await RawClient.connect(Number(new URL(url).port));
    const body = Buffer.from('{"event_type":"cache.\u009b31m","data":{"text":"\u009b2J\u202e\u007f"}}');
    const signed = await cli(["sign", body.toString(), "--secret", secret, "--json"]);
    const headers = {
      ...(JSON.parse(signed.out) as Record<string, string>),
      "content-type": "application/json",
    };
    for (const each of [headers, {}]) {
      client.sendHead("/", { ...each, "x-mova-attempt": "\u009b31m\u0085" }, body.length);
      client.send(body);
      await client.answer();
    }
    client.socket.destroy();
    child.kill("SIGINT");
    const { stdout } = await ended;
    expect(stdout).toContain("\\u009b31m");
    expect(stdout).toContain("\\u009b2J\\u202e\\u007f");
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  });

  it("holds no more of a body than it would verify, and goes on", async () => {
    const { child, url, ended } = await startListen(["--json", "--secret", secret]);
    const client = await RawClient.connect(Number(new URL(url).port));
    client.sendHead("/", {}, 30_000_000);
    client.send(Buffer.alloc(2_000_000));
    const answer = await client.answer();
    expect(answer?.status).toBe(413);
    client.send(Buffer.alloc(28_000_000));
    client.sendHead("/", {}, 2);
    client.send("{}");
    expect((await client.answer())?.status).toBe(401);
    client.socket.destroy();
    child.kill("SIGINT");
    expect((await ended).stdout).toMatch(/BODY_TOO_LARGE[^]*HEADERS_MISSING/);
  });
});
