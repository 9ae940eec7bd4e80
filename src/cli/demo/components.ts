/** The demo's program: real components at work, watched from outside, which know nothing of webhooks. */
import { type Span, trace } from "@opentelemetry/api";
import type { WebhookManager } from "../../manager/manager.ts";
import { documents, schema } from "./documents.ts";

export interface Surroundings {
  readonly webhooks: WebhookManager;
  /** Base URL of a server that speaks the chat-completions protocol. */
  readonly llmUrl: string;
  readonly redisUrl: string;
  readonly say: (line: string) => void;
}

type Component = (surroundings: Surroundings) => Promise<void>;

/** Runs every component once, each in a span of its own. One whose library is not installed is named and left out. */
export async function runComponents(surroundings: Surroundings): Promise<void> {
  const tracer = trace.getTracer("mova-webhooks-demo");
  for (const component of [validateDocuments, useCache, useRedis, askModel, changeConfig, reportFailure]) {
    await tracer.startActiveSpan(component.name, async (span: Span) => {
      try {
        await component(surroundings);
      } catch (error) {
        if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
        surroundings.say(`${component.name}: left out, its library is not installed`);
      } finally {
        span.end();
      }
    });
  }
}

const validateDocuments: Component = async function validateDocuments({ webhooks, say }) {
  const { Ajv } = await import("ajv");
  const ajv = webhooks.instrument(new Ajv({ allErrors: true }));
  const validate = ajv.compile(schema);
  for (const [name, document] of Object.entries(documents)) {
    say(`Ajv        ${name}: ${validate(document) ? "valid" : `${validate.errors?.length} mistakes`}`);
  }
};

const useCache: Component = async function useCache({ webhooks, say }) {
  const { Keyv } = await import("keyv");
  const cache = webhooks.instrument(new Keyv());
  await cache.set("user_data_123", { name: "Ada", plan: "pro" }, 60_000);
  await cache.set("session_9", "x".repeat(512));
  await cache.delete("session_9");
  await cache.clear();
  say("Keyv       2 set, 1 deleted, cleared");
};

const useRedis: Component = async function useRedis({ webhooks, redisUrl, say }) {
  const { Redis } = await import("ioredis");
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1000 });
  webhooks.instrument(client);
  try {
    await client.connect();
    await client.ping();
    await client.quit();
    say("Redis      connected, pinged, quit");
  } catch {
    client.disconnect();
    say("Redis      no server answers (set REDIS_URL); the demo goes on without its events");
  }
};

const askModel: Component = async function askModel({ webhooks, llmUrl, say }) {
  const { OpenAI } = await import("openai");
  const openai = webhooks.instrument(new OpenAI({ apiKey: "demo", baseURL: `${llmUrl}/v1`, maxRetries: 0 }));
  const messages = [{ role: "user" as const, content: "What is the weather in Kyiv?" }];
  const answer = await openai.chat.completions.create({ model: "demo-small", messages });
  const stream = await openai.chat.completions.create({ model: "demo-small", messages, stream: true });
  let pieces = 0;
  for await (const piece of stream) pieces += piece.choices.length;
  say(
    `OpenAI     one answer of ${answer.usage?.completion_tokens ?? 0} tokens, one stream of ${pieces} pieces`,
  );
};

/** A MOVA-style configuration manager: recognised by its shape. */
class ConfigManager {
  readonly #values = new Map<string, unknown>();

  set(key: string, value: unknown): void {
    this.#values.set(key, value);
  }

  update(values: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(values)) this.#values.set(key, value);
  }
}

const changeConfig: Component = async function changeConfig({ webhooks, say }) {
  const config = webhooks.instrument(new ConfigManager());
  config.update({ "llm.model": "demo-large", "cache.ttl": 120 });
  say("Config     2 keys updated");
};

const reportFailure: Component = async function reportFailure({ webhooks, say }) {
  try {
    JSON.parse("{ not JSON");
  } catch (error) {
    webhooks.bus.publish("error:reported", {
      error,
      context: { component: "loader", operation: "read protocol" },
    });
  }
  say("Error      1 caught and reported");
};
