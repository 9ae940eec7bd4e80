/** The doctor's checks, each a finding with what to do about it. */
import { mistaken, readConfig, type WebhookConfig } from "../settings/read/config.ts";
import type { Attempt } from "../event/delivery.ts";
import type { Endpoint, WebhookEndpoint } from "../event/endpoint.ts";
import { resolveEndpoint } from "../settings/resolve-endpoint.ts";
import { doubtsOf } from "../settings/secret-doubts.ts";
import { WebhookManager } from "../manager/manager.ts";
import { chosen } from "../outbox/kinds.ts";
import { checkUrl } from "../security/check-url.ts";
import { checkTypes } from "./check-config.ts";
import { checkClock, judgeSkew, watchDates } from "./doctor-clock.ts";
import type { Finding } from "./doctor-finding.ts";
import { checkOutbox } from "./doctor-outbox.ts";
import { checkTls } from "./doctor-tls.ts";
import { outboxOf } from "./open-manager.ts";

interface DoctorInput {
  readonly config?: string;
  /** Sends a test event to every endpoint. */
  readonly send: boolean;
}

/** The longest time that a test event may take. */
const testDeadlineMs = 60_000;

export async function* runChecks({ config: path, send }: DoctorInput): AsyncGenerator<Finding> {
  yield checkNode();
  const read = readConfig(path === undefined ? {} : { path });
  const { config } = read;
  if (read.mistakes.length > 0) {
    yield checkClock(Date.now(), false);
    yield failure("configuration", mistaken(read.mistakes, read.remedy));
    return;
  }
  const storeHasClock = chosen(outboxOf(config)).kind.readClock !== undefined;
  yield checkClock(Date.now(), storeHasClock || (send && config.endpoints.length > 0));
  const mistakes: string[] = [];
  await checkTypes(read, mistakes);
  for (const message of mistakes) yield { check: "configuration", level: "fail", message };
  if (mistakes.length === 0) {
    const message = config.sourcePath ?? "no file; the environment alone";
    yield { check: "configuration", level: "ok", message };
  }
  for (const warning of config.warnings) yield { check: "configuration", level: "warn", message: warning };
  if (config.endpoints.length === 0) {
    yield {
      check: "endpoints",
      level: "warn",
      message: "none is configured",
      remedy: "Add `endpoints` to the file, or set MOVA_WEBHOOK_URL",
    };
  }
  for (const settings of config.endpoints) yield* checkEndpoint(config, settings);
  yield* checkOutbox(config);
  if (send) for (const settings of config.endpoints) yield* sendTest(config, settings);
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const good = major > 20 || (major === 20 && minor >= 19);
  return good
    ? { check: "node", level: "ok", message: process.version }
    : { check: "node", level: "fail", message: process.version, remedy: "Use Node 20.19 or newer" };
}

async function* checkEndpoint(
  config: WebhookConfig,
  settings: WebhookConfig["endpoints"][number],
): AsyncGenerator<Finding> {
  let endpoint: Endpoint;
  try {
    endpoint = resolveEndpoint(settings, {
      ...(config.timeout === undefined ? {} : { timeout: config.timeout }),
      ...(config.maxRetries === undefined ? {} : { retries: config.maxRetries }),
      ...(config.secret === undefined ? {} : { secret: config.secret }),
    });
  } catch (error) {
    yield failure("endpoint", error);
    return;
  }
  const check = `endpoint ${endpoint.id}`;
  const doubts = endpoint.secrets.flatMap(doubtsOf);
  for (const { is, remedy } of doubts) yield { check, level: "warn", message: `a secret ${is}`, remedy };
  if (doubts.length === 0) yield { check, level: "ok", message: "its secrets are long enough" };
  const { allowed, reason, addresses } = await checkUrl(endpoint.url.href, config.network);
  yield allowed
    ? { check, level: "ok", message: `${endpoint.url.host} is ${addresses.join(", ")}, which may be called` }
    : {
        check,
        level: "fail",
        message: reason ?? "may not be called",
        remedy: "Correct the URL, DNS or `network.allow`",
      };
  if (allowed && endpoint.url.protocol === "https:") yield await checkTls(endpoint, config.network);
}

/**
 * The test event goes through the real pipeline, so that TLS, signature and status are what an event would meet. Each
 * endpoint has a pipeline of its own: it gets the event whatever types it takes, and whatever is wrong about others.
 */
async function* sendTest(
  config: WebhookConfig,
  { filter: _filter, retrySchedule: _schedule, ...settings }: WebhookEndpoint,
): AsyncGenerator<Finding> {
  let check = "endpoint";
  let webhooks: WebhookManager | undefined;
  try {
    webhooks = new WebhookManager({
      config: false,
      network: config.network,
      ...(config.timeout === undefined ? {} : { timeout: config.timeout }),
      ...(config.secret === undefined ? {} : { secret: config.secret }),
      endpoints: [{ ...settings, eventTypes: ["*"], retries: 0, enabled: true }],
    });
    const id = webhooks.getEndpoints()[0]?.id ?? "";
    check = `endpoint ${id}`;
    const { attempt, aheadMs } = await attemptOf(webhooks);
    const status = attempt?.status === undefined ? "" : ` (${attempt.status})`;
    const message = `test event: ${attempt?.outcome ?? "no attempt"}${status}`;
    const remedy = remedyOf(attempt?.outcome);
    yield {
      check,
      level: attempt?.outcome === "success" ? "ok" : "fail",
      message,
      ...(remedy === undefined ? {} : { remedy }),
    };
    if (aheadMs !== undefined) yield judgeSkew(aheadMs, check);
  } catch (error) {
    yield failure(check, error);
  } finally {
    await webhooks?.close(0);
  }
}

async function attemptOf(
  webhooks: WebhookManager,
): Promise<{ readonly attempt: Attempt | undefined; readonly aheadMs: number | undefined }> {
  let attempt: Attempt | undefined;
  const aheadMs = await watchDates(async () => {
    await webhooks.start();
    const data = { test: true, sent_by: "mova-webhooks doctor" };
    const { id } = await webhooks.triggerEvent("config.updated", data);
    await webhooks.drain(testDeadlineMs);
    attempt = (await webhooks.find({ eventId: id })).deliveries[0]?.attempts.at(-1);
  });
  return { attempt, aheadMs };
}

const remedies: Partial<Record<Attempt["outcome"], string>> = {
  http_3xx: "Redirects are not followed; set `url` to where it leads",
  http_4xx: "Look at what the receiver says: 401 and 403 often mean another secret, 404 another path",
  http_410: "The receiver wants no more events; remove the endpoint",
  http_5xx: "Look at the receiver's own log",
  timeout: "The receiver must answer within `timeout`, before it does its work",
  dns: "Check the host name in `url`",
  connect: "Check that the receiver runs, and that no firewall is between",
  tls: "Check the certificate of the receiver",
  blocked: "Correct the URL, DNS or `network.allow`",
};

function remedyOf(outcome: Attempt["outcome"] | undefined): string | undefined {
  return outcome === undefined ? undefined : remedies[outcome];
}

function failure(check: string, error: unknown): Finding {
  return { check, level: "fail", message: error instanceof Error ? error.message : String(error) };
}
