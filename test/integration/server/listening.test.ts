/** How the server begins to listen, and how it ends. */
import { Agent, request as httpRequest } from "node:http";
import { memoryOutbox } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, until } from "../../support/pipeline.ts";
import { ask, jsonType, serve } from "../../support/server.ts";

describe("listening and closing", () => {
  it("serves two managers side by side, and says when a port is taken", async () => {
    const [one, two] = [
      await serve(),
      await serve({ endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }] }),
    ];
    expect((await ask(`${one.url}/api/endpoints`)).json().endpoints).toHaveLength(0);
    expect((await ask(`${two.url}/api/endpoints`)).json().endpoints).toHaveLength(1);
    const port = Number(new URL(one.url).port);
    await expect(two.manager.listen({ port })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/in use\. Choose another port, or stop what listens there/),
    });
  });

  it("cuts off a client whose body never ends when the manager's time to close is up", async () => {
    const { url, manager } = await serve();
    const hanging = httpRequest(`${url}/api/events`, { method: "POST", headers: jsonType, agent: false });
    hanging.on("error", () => undefined);
    hanging.write("{");
    // It is in flight once a later request on another connection is answered.
    await ask(`${url}/healthz`);
    let closed = false;
    const closing = manager.close(50).then(() => (closed = true));
    // Well before a server that is given no time cuts connections off.
    await until(() => closed, 3000);
    expect(await closing).toBe(true);
  });

  it("ends what is in flight and keeps no idle connection waiting when it closes", async () => {
    const answers: (() => void)[] = [];
    const outbox = memoryOutbox();
    const find = outbox.find.bind(outbox);
    outbox.find = (query) => new Promise((resolve) => answers.push(() => resolve(find(query))));
    const { url, server } = await serve({ outbox });
    const agent = new Agent({ keepAlive: true });
    await ask(`${url}/healthz`, { agent });
    const pending = ask(`${url}/api/deliveries`, { agent });
    await until(() => answers.length === 1);
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await expect(ask(`${url}/healthz`)).rejects.toThrow("ECONNREFUSED");
    expect(closed).toBe(false);
    answers[0]?.();
    expect((await pending).status).toBe(200);
    // Well before the time is up after which connections are cut.
    await until(() => closed, 2000);
    await closing;
    await server.close();
    agent.destroy();
  });
});
