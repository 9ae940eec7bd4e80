/** What the tests of the whole pipeline share: a manager that may call loopback, closed after each test. */
import { type WebhookManagerOptions, WebhookManager } from "mova-webhooks";
import { type Answer, type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterEach } from "vitest";
import "./temporary-folder.ts";

export { until } from "./until.ts";

export const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** A manager that reads no configuration and may call loopback; closed after the test. */
export function testManager(options: WebhookManagerOptions = {}): WebhookManager {
  const manager = new WebhookManager({ config: false, network: { allow: ["127.0.0.0/8"] }, ...options });
  open.push({ close: () => manager.close(2000) });
  return manager;
}

/** A server on loopback; closed after the test. */
export async function testEndpoint(answer?: Answer): Promise<FakeEndpoint> {
  const endpoint = await fakeEndpoint(answer);
  open.push(endpoint);
  return endpoint;
}
