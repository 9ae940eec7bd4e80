/** `receive()` against the verify of other libraries, on the same request. */
import { createHmac } from "node:crypto";
import { verify as verifyOctokit } from "@octokit/webhooks-methods";
import { WebhookReceiver } from "mova-webhooks/receiver";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { type Row, series } from "./measure.ts";
import { secret } from "./throughput.ts";

const count = 5_000;
const rounds = 5;

export async function verify(): Promise<Row[]> {
  const body = Buffer.from(
    JSON.stringify({
      event_type: "cache.updated",
      timestamp: new Date().toISOString(),
      data: { text: "x".repeat(400) },
      source: "mova_sdk",
      version: "2.2",
    }),
  );
  const seconds = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(secret.slice(6), "base64");
  const sign = (id: string): Record<string, string> => ({
    "webhook-id": id,
    "webhook-timestamp": seconds,
    "webhook-signature": `v1,${createHmac("sha256", key).update(`${id}.${seconds}.`).update(body).digest("base64")}`,
  });
  const requests = Array.from({ length: count }, (_, n) => sign(`evt_${n}`));
  const text = body.toString();
  const ofBody = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const standard = new StandardWebhook(secret);
  const svix = new SvixWebhook(secret);
  const contestants: Record<string, (headers: Record<string, string>) => unknown> = {
    standardwebhooks: (headers) => standard.verify(body, headers),
    svix: (headers) => svix.verify(body, headers),
    // GitHub's own scheme signs the body alone.
    "@octokit/webhooks-methods": () => verifyOctokit(secret, text, ofBody),
  };
  const results: Record<string, number[]> = { "mova-webhooks": [] };
  for (let round = 0; round <= rounds; round += 1) {
    const receiver = new WebhookReceiver({ secret });
    const startedAt = performance.now();
    for (const headers of requests) {
      const { ok } = await receiver.receive(body, headers);
      if (!ok) throw new Error("a genuine request was refused");
    }
    if (round > 0) results["mova-webhooks"]?.push(((performance.now() - startedAt) * 1000) / count);
    for (const [name, check] of Object.entries(contestants)) {
      const begun = performance.now();
      for (const headers of requests) await check(headers);
      if (round > 0) (results[name] ??= []).push(((performance.now() - begun) * 1000) / count);
    }
  }
  return Object.entries(results).map(([name, runs]) => {
    const { median, min, max } = series(runs);
    const note =
      name === "mova-webhooks" ? { note: "receive(): verification, deduplication and handlers" } : {};
    return {
      name: `verifying a request: ${name}`,
      value: median,
      unit: "µs",
      spread: [min, max] as const,
      ...note,
    };
  });
}
