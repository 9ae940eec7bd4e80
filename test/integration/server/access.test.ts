/** Who may ask the server: tokens, hosts, origins, forms, and what a page may run. */
import { memoryOutbox } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../../support/pipeline.ts";
import { ask, askWithoutHost, post, serve, token } from "../../support/server.ts";

describe("who may ask", () => {
  it("does not listen beyond loopback without a token", async () => {
    const manager = testManager();
    for (const host of ["0.0.0.0", "::"]) {
      await expect(manager.listen({ host, port: 0 })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("server.token"),
      });
    }
    for (const weak of ["", "short", "with spaces in between", "ключ-ключ-ключ-ключ"]) {
      await expect(manager.listen({ host: "0.0.0.0", port: 0, token: weak })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    }
    for (const host of ["", "no such host"]) {
      await expect(manager.listen({ host, port: 0 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });

  it("listens on every address with a token, and wants it for all but health and the page", async () => {
    const { server } = await serve({}, { host: "0.0.0.0", token });
    const url = server.url.replace("0.0.0.0", "127.0.0.1");
    for (const path of ["/healthz", "/readyz", "/", "/assets/main.js"]) {
      expect((await ask(`${url}${path}`)).status).toBe(200);
    }
    for (const path of ["/metrics", "/api/endpoints", "/api/deliveries", "/api/activity", "/nowhere"]) {
      const answer = await ask(`${url}${path}`);
      expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
      expect(answer.json().error.code).toBe("TOKEN_INVALID");
    }
    const wrong = [
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      token,
      "Bearer",
      "Bearer ",
    ];
    for (const authorization of wrong) {
      expect((await ask(`${url}/metrics`, { headers: { authorization } })).status).toBe(401);
    }
    const headers = { authorization: `Bearer ${token}`, host: "webhooks.example.com" };
    expect((await ask(`${url}/metrics`, { headers })).status).toBe(200);
    expect((await post(`${url}/api/events`, { event_type: "cache.updated" })).status).toBe(401);
    expect((await post(`${url}/api/events`, { event_type: "cache.updated" }, headers)).status).toBe(202);
  });

  it.each([
    "evil.example",
    "evil.example:9464",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "192.168.0.7",
    "2130706433",
    "[::ffff:8.8.8.8]",
  ])("refuses the foreign Host %s without a token", async (host) => {
    const { url } = await serve();
    for (const path of ["/", "/metrics", "/api/endpoints"]) {
      const answer = await ask(`${url}${path}`, { headers: { host } });
      expect([answer.status, path, answer.json().error.code]).toEqual([403, path, "REQUEST_REFUSED"]);
    }
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated" }, { host });
    expect(answer.status).toBe(403);
  });

  it.each(["localhost:80:80", "user@localhost", "[::1", "local host"])(
    "refuses the malformed Host %s",
    async (host) => {
      const { url } = await serve();
      expect((await ask(`${url}/api/endpoints`, { headers: { host } })).status).toBeOneOf([400, 403]);
    },
  );

  it.each(["localhost", "LOCALHOST:1234", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:9464"])(
    "answers the loopback Host %s",
    async (host) => {
      const { url } = await serve();
      expect((await ask(`${url}/api/endpoints`, { headers: { host } })).status).toBe(200);
    },
  );

  it("refuses the Origin of another page, and takes its own", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    const { host } = new URL(url);
    for (const origin of [
      "https://evil.example",
      "null",
      "http://localhost:3000",
      `https://${host}`,
      `http://${host}.evil.example`,
    ]) {
      const answer = await post(`${url}/api/endpoints/ops/disable`, {}, { origin });
      expect([answer.status, answer.json().error.code]).toEqual([403, "REQUEST_REFUSED"]);
      expect((await ask(`${url}/api/endpoints`, { headers: { origin } })).status).toBe(403);
    }
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
    expect((await post(`${url}/api/endpoints/ops/disable`, {}, { origin: `http://${host}` })).status).toBe(
      200,
    );
  });

  it("is not driven by a form, which any page may send", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    for (const type of [
      "text/plain",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
    ]) {
      const answer = await post(`${url}/api/endpoints/ops/disable`, "{}", { "content-type": type });
      expect(answer.status).toBe(415);
    }
    const empty = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } };
    expect((await ask(`${url}/api/endpoints/ops/disable`, empty)).status).toBe(415);
    const untyped = await ask(`${url}/api/endpoints/ops/disable`, { method: "POST" }, "{}");
    expect(untyped.status).toBe(415);
    const foreign = { method: "POST", headers: { origin: "https://evil.example" } };
    expect((await ask(`${url}/api/endpoints/ops/disable`, foreign)).status).toBe(403);
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
  });

  it("refuses a request without a Host", async () => {
    const { url } = await serve();
    expect(await askWithoutHost(url, "/api/endpoints")).toMatch(/^HTTP\/1\.\d 40[03]/);
    expect(await askWithoutHost(url, "/metrics")).toMatch(/^HTTP\/1\.\d 40[03]/);
  });

  it("lets nothing run in the page but its own files, and nobody frame it", async () => {
    const { url } = await serve();
    const page = await ask(url);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    const files = [...page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThan(3);
    for (const path of files) expect((await ask(`${url}${path}`)).status).toBe(200);
    expect((await ask(`${url}/assets/../server.ts`)).status).toBe(404);
    expect((await ask(`${url}/assets/..%2fconsole.ts`)).status).toBe(404);
  });

  it("answers what there is not with JSON", async () => {
    const { url } = await serve();
    for (const [method, path] of [
      ["GET", "/api/nothing"],
      ["DELETE", "/api/endpoints"],
      ["PUT", "/api/events"],
    ]) {
      const answer = await ask(`${url}${path}`, { method });
      expect([answer.status, answer.json().error.code]).toEqual([404, "REQUEST_INVALID"]);
    }
  });

  it("logs what nobody foresaw, and answers without its words", async () => {
    const lines: string[] = [];
    const log = (_: object, message: string): void => void lines.push(message);
    const outbox = memoryOutbox();
    outbox.find = () => Promise.reject(new Error("at /secret/path"));
    const { url } = await serve({ outbox, logger: { debug: log, info: log, warn: log, error: log } });
    const answer = await ask(`${url}/api/deliveries`);
    expect([answer.status, answer.json().error.code]).toEqual([500, "UNEXPECTED"]);
    expect(answer.text).not.toContain("/secret/path");
    expect(lines).toContain("request failed");
  });
});
