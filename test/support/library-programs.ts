/** What a program does with each library, in the words of each of its versions, and the events that must come of it. */

export interface LibraryUse {
  /** What is imported: the default export under `as`, or names. Statements for ES modules and CommonJS are made of it. */
  readonly from: string;
  readonly as?: string;
  readonly names?: readonly string[];
  readonly body: string;
  /** Event types, each with the data that tell it from others. */
  readonly events: readonly (readonly [type: string, data: Readonly<Record<string, unknown>>])[];
}

const cacheSet = (library: string, key: string) => ["cache.updated", { library, key }] as const;

const validated = (library: string, schema: string, ends: string) =>
  [
    ["validation.started", { library, schema }],
    [`validation.${ends}`, { library, schema }],
  ] as const;

const asked = (provider: string, operation: string) =>
  [
    ["llm.request.started", { provider, operation }],
    ["llm.request.failed", { provider, operation, http_status: 400 }],
  ] as const;

const connected = (library: string) =>
  [
    ["redis.connected", { library }],
    ["redis.disconnected", { library, reconnecting: false }],
  ] as const;

export const ajv: LibraryUse = {
  from: "ajv",
  names: ["Ajv"],
  body: `print(new Ajv().compile({ $id: "user", type: "string" })(1));`,
  events: validated("ajv", "user", "failed"),
};

export const ajv2020: LibraryUse = {
  from: "ajv/dist/2020.js",
  as: "Ajv2020",
  body: `print(new (Ajv2020.default ?? Ajv2020)().validate({ $id: "user2020", type: "string" }, "x"));`,
  events: validated("ajv", "user2020", "completed"),
};

function zodFrom(from: string, name: string): LibraryUse {
  return {
    from,
    names: [`z as ${name}`],
    body: `const ${name}Schema = ${name}.object({ a: ${name}.array(${name}.string()) }).describe("${name}");
    print(${name}Schema.safeParse({ a: [1] }).success, ${name}Schema.parse({ a: [] }));
    await ${name}Schema.parseAsync({}).catch((error) => print(error.name));`,
    events: [
      ...validated("zod", name, "failed"),
      ...validated("zod", name, "completed"),
      ...validated("zod", name, "failed"),
    ],
  };
}

export const zod = zodFrom("zod", "z");
export const zod3Inside4 = zodFrom("zod/v3", "z3");
export const zod4Inside3 = zodFrom("zod/v4", "z4");

export const keyv: LibraryUse = {
  from: "keyv",
  as: "KeyvModule",
  body: `const Keyv = KeyvModule.Keyv ?? KeyvModule.default ?? KeyvModule;
    const keyv = new Keyv(); await keyv.set("in keyv", 1); print(await keyv.get("in keyv"));
    await keyv.delete("in keyv"); await keyv.clear();`,
  events: [
    ["cache.updated", { library: "keyv", key: "in keyv", operation: "set" }],
    ["cache.updated", { library: "keyv", key: "in keyv", operation: "delete" }],
    ["cache.cleared", { library: "keyv" }],
  ],
};

export const lruCache: LibraryUse = {
  from: "lru-cache",
  names: ["LRUCache"],
  body: `const lru = new LRUCache({ max: 3, fetchMethod: async (key) => key.length });
    lru.set("in lru", 1); print(lru.get("in lru"), await lru.fetch("fetched"));`,
  events: [cacheSet("lru-cache", "in lru"), cacheSet("lru-cache", "fetched")],
};

/** After the uses of both. */
export const keyvOverLruCache: LibraryUse = {
  from: "lru-cache",
  names: ["LRUCache as Store"],
  body: `const layered = new Keyv({ store: new Store({ max: 3 }) });
    await layered.set("layered", 1); print(await layered.get("layered"));`,
  events: [cacheSet("keyv", "layered")],
};

/** Versions 6 and 7: two stores, and the default one. */
export const cacheManager: LibraryUse = {
  from: "cache-manager",
  names: ["createCache"],
  body: `const cache = createCache(); await cache.set("in cache", 1); print(await cache.get("in cache"));
    const two = createCache({ stores: [new Keyv(), new Keyv()] }); await two.set("in two", 1);`,
  events: [cacheSet("cache-manager", "in cache"), cacheSet("cache-manager", "in two")],
};

export const cacheManager5: LibraryUse = {
  from: "cache-manager",
  names: ["caching", "multiCaching"],
  body: `const cache = await caching("memory", { max: 5 }); await cache.set("in cache", 1); print(await cache.get("in cache"));
    const two = multiCaching([await caching("memory"), await caching("memory")]); await two.set("in two", 1);`,
  events: [cacheSet("cache-manager", "in cache"), cacheSet("cache-manager", "in two")],
};

export const openai: LibraryUse = {
  from: "openai",
  as: "OpenAI",
  body: `const openai = new OpenAI({ apiKey: "x", baseURL: process.env.LLM_URL, maxRetries: 0 });
    await openai.chat.completions.create({ model: "m", messages: [] }).catch((error) => print(error.status));
    await openai.responses.create({ model: "m", input: "x" }).catch((error) => print(error.status));`,
  events: [...asked("openai", "chat"), ...asked("openai", "responses")],
};

export const anthropic: LibraryUse = {
  from: "@anthropic-ai/sdk",
  as: "Anthropic",
  body: `const anthropic = new Anthropic({ apiKey: "x", baseURL: process.env.LLM_URL, maxRetries: 0 });
    const question = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "x" }] };
    await anthropic.messages.create(question).catch((error) => print(error.status));
    await anthropic.beta.messages.create(question).catch((error) => print(error.status));`,
  events: [...asked("anthropic", "messages"), ...asked("anthropic", "messages")],
};

export const ioredis: LibraryUse = {
  from: "ioredis",
  names: ["Redis"],
  body: `const redis = new Redis(process.env.REDIS_URL); print(await redis.ping()); await redis.quit();`,
  events: connected("ioredis"),
};

export const nodeRedis: LibraryUse = {
  from: "redis",
  names: ["createClient"],
  body: `const client = createClient({ url: process.env.REDIS_URL });
    await client.connect(); print(await client.ping()); await client.quit();`,
  events: connected("node-redis"),
};

export type Form = "mjs" | "cjs";

/** Writes the program; `print` is all it says. */
export function programOf(uses: readonly LibraryUse[], form: Form): string {
  const imports = uses.map((use) => (form === "mjs" ? importOf(use) : requireOf(use)));
  return `${imports.join("\n")}
const print = (...values) => console.log(JSON.stringify(values));
async function main() {
  ${uses.map(({ body }) => body).join("\n  ")}
}
main();
`;
}

function importOf({ from, as, names }: LibraryUse): string {
  return as === undefined
    ? `import { ${(names ?? []).join(", ")} } from "${from}";`
    : `import ${as} from "${from}";`;
}

function requireOf({ from, as, names }: LibraryUse): string {
  return as === undefined
    ? `const { ${(names ?? []).join(", ").replaceAll(" as ", ": ")} } = require("${from}");`
    : `const ${as} = require("${from}");`;
}
