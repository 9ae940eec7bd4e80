/** What the commands on deliveries share: the options that select some, and words for what is not found. */
import { type Command, Option } from "commander";
import type { DeliveryQuery, DeliveryState } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { Records } from "./open-manager.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  readCount,
  readTime,
  type ServerOptions,
  serverOptions,
} from "./options.ts";

export interface SearchOptions extends CommonOptions, ServerOptions {
  readonly endpoint?: string;
  readonly event?: string;
  readonly type?: string;
  readonly state?: DeliveryState;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly order?: "newest" | "oldest";
  readonly cursor?: string;
}

export function searchOptions(command: Command, states: readonly string[]): Command {
  return withSource(command)
    .addOption(new Option("--state <state>", "only this state").choices(states))
    .option("--endpoint <id>", "only this endpoint")
    .option("--event <id>", "only this event")
    .option("--type <types>", "only these event types or patterns, with commas between them")
    .option("--since <time>", "accepted since then: RFC 3339, or 15m, 2h, 7d ago", readTime)
    .option("--until <time>", "accepted before then", readTime)
    .option("--limit <number>", "at most so many", readCount);
}

export function orderOption(): Option {
  return new Option("--order <order>", "which come first (default: newest)").choices(["newest", "oldest"]);
}

export function withSource(command: Command): Command {
  for (const option of serverOptions("default: look into the outbox")) command.addOption(option);
  return command.addOption(configOption()).addOption(jsonOption());
}

export function queryOf({
  endpoint,
  event,
  type,
  state,
  since,
  until,
  limit,
  order,
  cursor,
}: SearchOptions): DeliveryQuery {
  return {
    ...(endpoint === undefined ? {} : { endpointId: endpoint }),
    ...(event === undefined ? {} : { eventId: event }),
    ...(type === undefined ? {} : { eventType: type.includes(",") ? type.split(",") : type }),
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(limit === undefined ? {} : { limit }),
    ...(order === undefined ? {} : { order }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/** Says what may be wrong where nothing matched: deliveries of an endpoint that was removed are found all the same. */
export async function unknownEndpoint(
  records: Records,
  { endpoint }: SearchOptions,
  matched: number,
): Promise<string | undefined> {
  if (endpoint === undefined || matched > 0) return undefined;
  const ids = (await records.status()).map(({ id }) => id);
  if (ids.includes(endpoint)) return undefined;
  const configured = ids.length === 0 ? "none is" : `configured are ${ids.join(", ")}`;
  return `no endpoint \`${endpoint}\` is configured, and no delivery to one matched; ${configured}`;
}

export function unknownDeliveries(ids: readonly string[]): WebhookError {
  const named = ids.map((id) => `\`${id}\``).join(", ");
  return new WebhookError("DELIVERY_UNKNOWN", `The outbox knows no delivery ${named}`, {
    remedy: "List them with `mova-webhooks deliveries list`.",
  });
}
