/** The outbox's connection to Redis: made when it is needed, bounded in time, and made again after it was lost. */
import type { RedisQueueBackend } from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { WebhookError } from "../../event/errors.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";
import { withDeadline } from "../../time/deadline.ts";
import { closed } from "../refusals.ts";
import { addressOf, defaultUrl, isClient, type RedisOutboxOptions } from "./options.ts";
import { explainRedisError, isOutage } from "./errors.ts";
import { type ScriptName, scripts } from "./scripts.ts";
import { monotonicNow, sleep, wallNow } from "../../time/timers.ts";

/** One connection, from connecting to its end. */
export interface Connected {
  readonly client: Redis;
  /** BullMQ on this connection; its queues are siblings of this one. */
  readonly bullmq: RedisQueueBackend;
  /** The outbox's clock, Unix milliseconds. */
  readonly now: () => number;
}

/** An operation waits this long for a connection before it is refused. */
const connectWithinMs = 4000;
const answerWithinMs = 5000;
/** Goes up when the keys change in a way that older versions cannot read. */
const schemaVersion = 1;
/** Marks clients for the Redis plugin: what they do must not become events. */
const internal = Symbol.for("mova-webhooks.internal");

export class RedisSession {
  /** Host and port, without user, password or database. */
  readonly address: string;
  readonly prefix: string;
  readonly leaseMs: number;
  /** A holder renews its locks three times in this time. */
  readonly lockMs: number;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly #options: RedisOutboxOptions;
  #connected: Connected | undefined;
  #connecting: Promise<Connected> | undefined;
  /** The client that is connecting. */
  #opening: Redis | undefined;
  #inUse = 0;
  #closed = false;

  /** Throws CONFIG_INVALID. Connects on first use. */
  constructor(options: RedisOutboxOptions) {
    this.#options = options;
    this.prefix = options.prefix ?? "mova-webhooks";
    this.leaseMs = options.leaseMs ?? 10_000;
    this.lockMs = Math.ceil(this.leaseMs / 2);
    this.logger = options.logger ?? silentLogger;
    this.now = options.now ?? wallNow;
    this.address = addressOf(options);
  }

  get isConnected(): boolean {
    return this.#connected !== undefined;
  }

  /**
   * Runs commands on the connection. Rejects with CLOSED, DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE, OUTBOX_FULL or
   * OUTBOX_INVALID, within seconds. `repeatable` ones run once more where the connection was lost under way.
   */
  async use<Result>(
    commands: (connected: Connected) => Promise<Result>,
    repeatable = false,
  ): Promise<Result> {
    if (this.#closed) throw closed("Redis");
    const connected = this.#connected ?? (await this.#connect());
    this.#keepAlive(1);
    try {
      return await commands(connected);
    } catch (error) {
      // Nobody knows which commands arrived: what comes next begins on a new connection.
      if (isOutage(error)) {
        this.#drop(connected);
        if (repeatable) return await this.use(commands);
      }
      throw explainRedisError(error, this.address);
    } finally {
      this.#keepAlive(-1);
    }
  }

  /** Runs one of the outbox's scripts; strings in its result are Buffers. */
  run({ client }: Connected, script: ScriptName, ...input: (string | number | Buffer)[]): Promise<unknown> {
    const commands = client as unknown as Record<string, (...input: unknown[]) => Promise<unknown>>;
    return (commands[`${script}Buffer`] as (...input: unknown[]) => Promise<unknown>).call(
      client,
      this.prefix,
      ...input,
    );
  }

  /** The record is changed already; a ticket that could not follow it is put right when it is drawn. */
  async follow(following: Promise<unknown>): Promise<void> {
    await following.catch((error: unknown) => {
      this.logger.debug({ err: error }, "a ticket did not follow its record");
    });
  }

  /** Ends what is under way, connecting too: it rejects. */
  close(): void {
    this.#closed = true;
    const client = this.#connected?.client ?? this.#opening;
    this.#connected = undefined;
    client?.disconnect();
  }

  #drop(connected: Connected): void {
    if (this.#connected !== connected) return;
    this.#connected = undefined;
    connected.client.disconnect();
  }

  /** The socket holds the process open only while an answer is awaited. */
  #keepAlive(change: 1 | -1): void {
    this.#inUse += change;
    const client = this.#connected?.client;
    if (client?.status !== "ready") return;
    if (this.#inUse > 0) client.stream.ref();
    else client.stream.unref();
  }

  #connect(): Promise<Connected> {
    this.#connecting ??= this.#tryToConnect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #tryToConnect(): Promise<Connected> {
    const startedAt = monotonicNow();
    for (let pauseMs = 50; ; pauseMs *= 2) {
      const leftMs = connectWithinMs - (monotonicNow() - startedAt);
      try {
        return await this.#open(leftMs);
      } catch (error) {
        if (this.#closed || !isOutage(error) || pauseMs >= leftMs) {
          throw explainRedisError(error, this.address);
        }
      }
      await sleep(pauseMs);
    }
  }

  async #open(withinMs: number): Promise<Connected> {
    const client = await this.#createClient();
    if (this.#closed) throw closed("Redis");
    this.#opening = client;
    Object.assign(client, { [internal]: true });
    let reason: unknown;
    // Without a listener ioredis writes every failure to stderr.
    client.on("error", (error: unknown) => {
      reason = error;
    });
    try {
      await withDeadline(client.connect(), withinMs, () => {
        throw new Error("connecting timed out");
      });
      // A database number that does not exist is only emitted: the connection would use database 0.
      if (reason !== undefined) throw reason;
      await this.#checkSchema(client);
      const bullmq = await this.#createBackend(client);
      if (this.#closed) throw closed("Redis");
      const connected = { client, bullmq, now: this.now };
      client.once("close", () => this.#drop(connected));
      this.#connected = connected;
      return connected;
    } catch (error) {
      client.disconnect();
      throw WebhookError.is(error) ? error : (reason ?? error);
    } finally {
      this.#opening = undefined;
    }
  }

  async #createClient(): Promise<Redis> {
    const { url, connection } = this.#options;
    const own: RedisOptions & { replyMapping: "legacy" } = {
      lazyConnect: true,
      // Connections are made on demand: a Redis that is away for ever must not hold the process open.
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      connectTimeout: connectWithinMs,
      commandTimeout: answerWithinMs,
      // While Redis loads its file it is asked again soon, not when it guesses that it will be done.
      maxLoadingRetryTime: 200,
      connectionName: "mova-webhooks",
      disableClientInfo: true,
      keyPrefix: "",
      // Answers come in the form that both protocols of Redis share.
      replyMapping: "legacy",
      stringNumbers: false,
      scripts,
    };
    if (isClient(connection)) return connection.duplicate(own);
    const ioredis = await load("ioredis", () => import("ioredis"));
    return connection === undefined
      ? new ioredis.Redis(url ?? defaultUrl, own)
      : new ioredis.Redis({ ...connection, ...own });
  }

  async #createBackend(client: Redis): Promise<RedisQueueBackend> {
    const { QueueKeys, RedisConnection, RedisQueueBackend } = await load("bullmq", () => import("bullmq"));
    // The version check is ours: BullMQ's would write to the console.
    const connection = new RedisConnection(client, { shared: true, blocking: false, skipVersionCheck: true });
    connection.on("error", ignore);
    await connection.client;
    const prefix = `${this.prefix}:queue`;
    const keys = new QueueKeys(prefix);
    // Both are options of BullMQ's Worker, whose backend this is. Stalled more often than ever counted is never failed.
    const options = {
      connection: client,
      prefix,
      lockDuration: this.lockMs,
      stalledInterval: Math.ceil(this.leaseMs / 20),
      maxStalledCount: 1_000_000_000,
    };
    const toKey = (type: string): string => keys.toKey("none", type);
    const backend = new RedisQueueBackend(connection, "none", keys.getKeys("none"), toKey, options);
    backend.on("error", ignore);
    return backend;
  }

  async #checkSchema(client: Redis): Promise<void> {
    const key = `${this.prefix}:schema`;
    const [, found] = await Promise.all([client.setnx(key, schemaVersion), client.get(key)]);
    if (Number(found) <= schemaVersion) return;
    const detail = `The outbox under \`${this.prefix}\` has version ${found}, this package knows ${schemaVersion}`;
    throw new WebhookError("OUTBOX_INVALID", detail);
  }
}

function ignore(): void {}

async function load<Module>(name: string, importIt: () => Promise<Module>): Promise<Module> {
  try {
    return await importIt();
  } catch (cause) {
    const detail = `The Redis outbox needs the packages \`bullmq\` and \`ioredis\`, and \`${name}\` cannot be loaded`;
    throw new WebhookError("DEPENDENCY_MISSING", detail, { cause });
  }
}
