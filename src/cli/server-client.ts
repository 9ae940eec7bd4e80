/** Asks a running server's API: what only the process that delivers knows, and what only it can switch. */
import { loadConfig } from "../config/config.ts";
import type { EndpointStatus } from "../endpoints.ts";
import type { Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import type { Explanation } from "../routing/explain.ts";
import type { EndpointView } from "../server/endpoints.ts";
import type { CommonOptions, ServerOptions } from "./options.ts";

/** Longest wait for an answer: a server that hangs is as good as none. */
const answerMs = 30_000;

export class ServerClient {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
  }

  async endpoints(): Promise<readonly EndpointView[]> {
    return ((await this.#ask("GET", "/api/endpoints")) as { endpoints: EndpointView[] }).endpoints;
  }

  async status(): Promise<EndpointStatus[]> {
    return (await this.endpoints()).map(({ origin, ...rest }) => ({ ...rest, url: origin }));
  }

  /** Answers what is delivered again, where `replay` asks for it. */
  async enable(id: string, replay: boolean): Promise<{ readonly replayed?: readonly string[] }> {
    const answer = await this.#ask("POST", `/api/endpoints/${encodeURIComponent(id)}/enable`, { replay });
    return answer as { replayed?: string[] };
  }

  async disable(id: string): Promise<void> {
    await this.#ask("POST", `/api/endpoints/${encodeURIComponent(id)}/disable`, {});
  }

  async find({ endpointId, eventId, eventType, ...rest }: DeliveryQuery): Promise<DeliveryPage> {
    const query = { endpoint: endpointId, event_id: eventId, type: eventType, ...rest };
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value));
    }
    return (await this.#ask("GET", `/api/deliveries?${search.toString()}`)) as DeliveryPage;
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    return (await this.#ask("GET", `/api/deliveries/${encodeURIComponent(deliveryId)}`)) as
      | Delivery
      | undefined;
  }

  async explain(eventId: string): Promise<Explanation | undefined> {
    return (await this.#ask("GET", `/api/events/${encodeURIComponent(eventId)}`)) as Explanation | undefined;
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    const { endpointId, eventId, eventType, deliveryIds, dryRun, ...rest } = selection;
    const body = {
      ...rest,
      endpoint: endpointId,
      event_id: eventId,
      type: eventType,
      delivery_ids: deliveryIds,
      dry_run: dryRun,
      all: true,
    };
    return ((await this.#ask("POST", "/api/replay", body)) as { replayed: string[] }).replayed;
  }

  /** Answers undefined for a record that there is not. Throws what the server, or the way to it, is wrong about. */
  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const request = {
      method,
      headers,
      redirect: "error" as const,
      signal: AbortSignal.timeout(answerMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(`${this.#url}${path}`, request).catch((cause: unknown) => {
      throw new Error(
        `Nobody answers at ${this.#url} (${reasonOf(cause)}). Start \`mova-webhooks serve\`, or name the server that runs by --url.`,
        { cause },
      );
    });
    const text = await response.text();
    const answer = parse(text);
    if (response.ok && answer !== undefined) return answer;
    if (response.status === 401) {
      const what = this.#token === undefined ? "wants a token" : "does not take this token";
      throw new Error(
        `The server at ${this.#url} ${what}. Give it by MOVA_WEBHOOK_TOKEN or --token; it is \`server.token\` of its configuration.`,
      );
    }
    const { code, message } =
      (answer as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
    if (code === "DELIVERY_UNKNOWN" || code === "EVENT_UNKNOWN") return undefined;
    throw new Error(
      message ?? `What answers at ${this.#url} (${response.status}) is no mova-webhooks server. Check --url.`,
    );
  }
}

/** The server that `--url` names. */
export function serverOf(url: string, { token }: Pick<ServerOptions, "token">): ServerClient {
  return new ServerClient(url, token ?? process.env["MOVA_WEBHOOK_TOKEN"]);
}

/** The server that `--url` names; without it the one that the configuration starts, with that one's token. */
export function configuredServer(options: ServerOptions & Pick<CommonOptions, "config">): ServerClient {
  if (options.url !== undefined) return serverOf(options.url, options);
  const { server = {} } = loadConfig(options.config === undefined ? {} : { path: options.config });
  const { host = "127.0.0.1", port = 9464, token } = server;
  const reached = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reached.includes(":") ? `[${reached}]` : reached;
  const given = options.token ?? process.env["MOVA_WEBHOOK_TOKEN"] ?? token;
  return new ServerClient(`http://${name}:${port}`, given);
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return "no answer";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message || cause.name;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
