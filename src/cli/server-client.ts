/** Asks a running server's API: what only the process that delivers knows, and what only it can switch. */
import { loadConfig } from "../settings/read/config.ts";
import type { EndpointStatus } from "../manager/endpoints.ts";
import type { AttemptPage, AttemptQuery, Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import { type ErrorCode, errorTable, WebhookError } from "../event/errors.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import type { Explanation } from "../routing/explain.ts";
import type { EndpointView } from "../server/endpoints.ts";
import type { CommonOptions, ServerOptions } from "./options.ts";
import { listen } from "../settings/listen.ts";

/** Longest wait for an answer: a server that hangs is as good as none. */
const answerMs = 30_000;

interface Endpoints {
  readonly endpoints: readonly EndpointView[];
}

interface Replayed {
  readonly replayed: readonly string[];
}

interface Switched extends Partial<Replayed> {
  readonly enabled: boolean;
  /** How many of the replayed came while it was off. */
  readonly missed?: number;
  /** What `replay` would have delivered. */
  readonly replayable?: { readonly dead: number; readonly missed: number };
}

interface Received {
  readonly ok: boolean;
  readonly status: number;
  readonly text: string;
}

export class ServerClient {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
  }

  async endpoints(): Promise<readonly EndpointView[]> {
    const { endpoints } = await this.#ask<Endpoints>("GET", "/api/endpoints", "endpoints");
    return endpoints;
  }

  async status(): Promise<EndpointStatus[]> {
    return (await this.endpoints()).map(({ origin, ...rest }) => ({ ...rest, url: origin }));
  }

  /** Returns what is delivered again, where `replay` asks for it. */
  enable(id: string, replay: boolean): Promise<Switched> {
    return this.#ask("POST", switchOf("enable", id), replay ? "replayed" : "enabled", { replay });
  }

  async disable(id: string, reason?: string): Promise<void> {
    await this.#ask<Switched>("POST", switchOf("disable", id), "enabled", { reason });
  }

  async pause(id: string, reason: string | undefined): Promise<void> {
    await this.#ask<Switched>("POST", switchOf("pause", id), "enabled", { reason });
  }

  async resume(id: string): Promise<void> {
    await this.#ask<Switched>("POST", switchOf("resume", id), "enabled", {});
  }

  async sendNow(deliveryId: string): Promise<void> {
    await this.#ask<{ sent: true }>(
      "POST",
      `/api/deliveries/${encodeURIComponent(deliveryId)}/send`,
      "sent",
      {},
    );
  }

  async cancel(deliveryId: string, reason?: string): Promise<void> {
    const path = `/api/deliveries/${encodeURIComponent(deliveryId)}/cancel`;
    await this.#ask<{ cancelled: true }>("POST", path, "cancelled", { reason });
  }

  find(query: DeliveryQuery): Promise<DeliveryPage> {
    return this.#ask("GET", `/api/deliveries?${searchOf(query)}`, "deliveries");
  }

  attempts(query: AttemptQuery): Promise<AttemptPage> {
    return this.#ask("GET", `/api/attempts?${searchOf(query)}`, "attempts");
  }

  get(deliveryId: string): Promise<Delivery | undefined> {
    const path = `/api/deliveries/${encodeURIComponent(deliveryId)}`;
    return this.#ask<Delivery>("GET", path, "id").catch(undefinedFor("DELIVERY_UNKNOWN"));
  }

  explain(eventId: string): Promise<Explanation | undefined> {
    const path = `/api/events/${encodeURIComponent(eventId)}`;
    return this.#ask<Explanation>("GET", path, "eventId").catch(undefinedFor("EVENT_UNKNOWN"));
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
    const { replayed } = await this.#ask<Replayed>("POST", "/api/replay", "replayed", body);
    return replayed;
  }

  /**
   * Returns the response, which has `key`: by that a server of ours is told from another. Throws TOKEN_INVALID,
   * REQUEST_INVALID where no such server answers, and what the server throws.
   */
  async #ask<Answer>(
    method: string,
    path: string,
    key: keyof Answer & string,
    body?: object,
  ): Promise<Answer> {
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const { ok, status, text } = await this.#send(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = parse(text);
    if (ok && key in answer) return answer as Answer;
    if (status === 401) {
      const what = this.#token === undefined ? "wants a token" : "does not take this token";
      const remedy = "Give it by MOVA_WEBHOOK_TOKEN or --token; it is `server.token` of its configuration.";
      throw new WebhookError("TOKEN_INVALID", `The server at ${this.#url} ${what}`, { remedy });
    }
    const detail = `What answers at ${this.#url} (${status}) is no mova-webhooks server`;
    throw toldError(answer) ?? new WebhookError("REQUEST_INVALID", detail, { remedy: "Check --url." });
  }

  async #send(path: string, request: RequestInit): Promise<Received> {
    try {
      const signal = AbortSignal.timeout(answerMs);
      const response = await fetch(`${this.#url}${path}`, { ...request, redirect: "error", signal });
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch (cause) {
      const detail = `Nobody answers at ${this.#url} (${reasonOf(cause)})`;
      const remedy = "Start `mova-webhooks serve`, or name the server that runs by --url.";
      throw new WebhookError("REQUEST_INVALID", detail, { cause, remedy });
    }
  }
}

/** The server that `--url` names. */
export function serverOf(url: string, { token }: Pick<ServerOptions, "token">): ServerClient {
  return new ServerClient(url, token ?? process.env[listen.fields.token.variable]);
}

/** The server that `--url` names; without it the one that the configuration starts, with that one's token. */
export function configuredServer(options: ServerOptions & Pick<CommonOptions, "config">): ServerClient {
  if (options.url !== undefined) return serverOf(options.url, options);
  const { server = {} } = loadConfig(options.config === undefined ? {} : { path: options.config });
  const { host = "127.0.0.1", port = 9464, token } = server;
  const reached = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reached.includes(":") ? `[${reached}]` : reached;
  return new ServerClient(`http://${name}:${port}`, options.token ?? token);
}

/** In the query, because a path cannot hold an id such as `..`. */
function switchOf(verb: "enable" | "disable" | "pause" | "resume", id: string): string {
  return `/api/endpoints/${verb}?id=${encodeURIComponent(id)}`;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return "no answer";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message || cause.name;
}

/** Returns an empty object for what is not a JSON object. */
function parse(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

function searchOf({ endpointId, eventId, eventType, ...rest }: DeliveryQuery | AttemptQuery): string {
  const query = { endpoint: endpointId, event_id: eventId, type: eventType, ...rest };
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
}

/** The error that a server of ours responds with; undefined for any other response. */
function toldError(answer: object): WebhookError | undefined {
  const { code, message } = Object(Reflect.get(answer, "error")) as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  const [detail = "", ...rest] = message.split(". ");
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "UNEXPECTED";
  return new WebhookError(known, detail, rest.length === 0 ? {} : { remedy: rest.join(". ") });
}

function undefinedFor(code: ErrorCode): (error: unknown) => undefined {
  return function forgive(error) {
    if (!WebhookError.is(error, code)) throw error;
  };
}
