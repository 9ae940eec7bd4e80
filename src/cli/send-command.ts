/** `mova-webhooks send`: one event to the configured endpoints, every attempt shown. */
import { Command } from "commander";
import type { Delivery } from "../event/delivery.ts";
import { type ErrorCode, WebhookError } from "../event/errors.ts";
import { silentLogger } from "../event/logger.ts";
import { WebhookManager } from "../manager/manager.ts";
import { openOutbox } from "../outbox/kinds.ts";
import type { EndpointInfo } from "../routing/endpoint-book.ts";
import {
  collect,
  type CommonOptions,
  configOption,
  jsonOption,
  readJson,
  readSecret,
  secretOptions,
} from "./options.ts";
import { at, columns, print, say } from "./terminal.ts";
import { sleep } from "../time/timers.ts";

interface SendOptions extends CommonOptions {
  readonly data: string;
  readonly id?: string;
  readonly url?: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly allow: readonly string[];
  readonly anyType: boolean;
}

export function sendCommand(): Command {
  const command = new Command("send")
    .description("Send one event and show each attempt until it is delivered or dead.")
    .argument("<type>", "event type, such as cache.updated")
    .option("--data <json>", "event data: JSON, @file or - for stdin", "{}")
    .option("--id <id>", "event id (default: a new one)")
    .option("--url <url>", "send to this URL instead of the configured endpoints")
    .option(
      "--allow <cidr>",
      "with --url: an address range to permit, such as 127.0.0.0/8; repeatable",
      collect,
      [],
    )
    .option("--any-type", "with --url: also a type that nobody declares", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      '\nExample:\n  $ mova-webhooks send cache.updated --data \'{"key":"user_1"}\' --url http://127.0.0.1:9465/ --allow 127.0.0.0/8',
    );
  for (const option of secretOptions()) command.addOption(option);
  return command.action(runSend);
}

async function runSend(type: string, options: SendOptions): Promise<void> {
  const data = await readJson(options.data);
  try {
    await sendOnce(type, data, options);
  } catch (error) {
    throw options.url === undefined ? error : withOptionNamed(error);
  }
}

/** With --url, options do what the configuration does otherwise. */
function withOptionNamed(error: unknown): unknown {
  const remedy = WebhookError.is(error) ? optionsThatHelp[error.code] : undefined;
  if (remedy === undefined || !WebhookError.is(error)) return error;
  return new WebhookError(error.code, error.detail, { cause: error, remedy });
}

const optionsThatHelp: Partial<Record<ErrorCode, string>> = {
  EVENT_TYPE_UNKNOWN: "Use a known type, or send it all the same with --any-type.",
  ENDPOINT_BLOCKED:
    "Use a public https address, or permit this one with --allow, such as --allow 127.0.0.0/8.",
};

async function sendOnce(type: string, data: unknown, options: SendOptions): Promise<void> {
  const webhooks = new WebhookManager({
    // An outbox of its own: what this command sends is shown here, and nothing else is delivered meanwhile.
    outbox: await openOutbox(),
    logger: { ...silentLogger, info: showAttempt, warn: showAttempt },
    ...(options.url === undefined
      ? { ...(options.config === undefined ? {} : { config: options.config }) }
      : {
          config: false,
          endpoints: [{ id: "url", url: options.url, secret: readSecret(options) }],
          network: { allow: options.allow },
          eventTypes: options.anyType ? ["*"] : [],
        }),
  });
  try {
    await webhooks.start();
    const { id } = await webhooks.triggerEvent(
      type,
      data,
      options.id === undefined ? {} : { id: options.id },
    );
    const deliveries = await settled(webhooks, id);
    print({ id, deliveries }, options.json, () => show(id, deliveries));
    for (const problem of problemsOf(webhooks, deliveries)) say(problem);
    const delivered = deliveries.length > 0 && deliveries.every(({ state }) => state === "delivered");
    process.exitCode = delivered ? 0 : 1;
  } finally {
    await webhooks.close(0);
  }
}

/** Waits until nothing more will happen to any delivery: also what is left for a switched-off endpoint is over. */
async function settled(webhooks: WebhookManager, eventId: string): Promise<readonly Delivery[]> {
  for (;;) {
    await webhooks.drain(1000);
    const { deliveries } = await webhooks.find({ eventId });
    const off = new Set(disabled(webhooks).map(({ id }) => id));
    const over = ({ state, endpointId }: Delivery): boolean =>
      state === "delivered" || state === "dead" || (state === "pending" && off.has(endpointId));
    if (deliveries.every(over)) return deliveries;
    await sleep(100);
  }
}

function disabled(webhooks: WebhookManager): EndpointInfo[] {
  return webhooks.getEndpoints().filter(({ enabled }) => !enabled);
}

/** Says why an event that was taken did not go where it should. */
function problemsOf(webhooks: WebhookManager, deliveries: readonly Delivery[]): string[] {
  if (!webhooks.isEnabled()) {
    return ["Nothing was sent: events are switched off by `enabled` or MOVA_WEBHOOK_ENABLED"];
  }
  const concerned = disabled(webhooks).filter(
    ({ id }) => deliveries.length === 0 || deliveries.some(({ endpointId }) => endpointId === id),
  );
  const problems = concerned.map(
    ({ id, reason }) => `${id} is disabled${reason === undefined ? "" : `: ${reason}`}`,
  );
  if (deliveries.length > 0) return problems;
  const none = webhooks.getEndpoints().length === 0;
  return [
    `Nothing was sent: ${none ? "no endpoint is configured; try --url" : "no endpoint wants it"}`,
    ...problems,
  ];
}

/** What the log says of an attempt. */
interface AttemptLine {
  readonly endpoint_id: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly status?: number;
  readonly duration_ms: number;
  readonly next_at?: string;
}

function showAttempt(fields: object, message: string): void {
  if (message !== "delivery.attempted") return;
  const { endpoint_id, attempt, outcome, status, duration_ms, next_at } = fields as AttemptLine;
  const answered = status === undefined ? outcome : `${status} ${outcome}`;
  const next = next_at === undefined ? "" : `, again at ${next_at}`;
  say(`${endpoint_id}  attempt ${attempt}: ${answered} in ${Math.round(duration_ms)} ms${next}`);
}

function show(id: string, deliveries: readonly Delivery[]): string {
  if (deliveries.length === 0) return `${id}: no endpoint wants it`;
  const rows = deliveries.map((each) => [
    each.endpointId,
    each.state,
    String(each.attempts.length),
    at(each.dueAt),
  ]);
  return `${id}\n${columns(["endpoint", "state", "attempts", "finished"], rows)}`;
}
