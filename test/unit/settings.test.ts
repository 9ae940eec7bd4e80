/** Every declared setting: which kinds of values it takes, and that all others are refused by name, whatever made them. */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createContext, runInContext } from "node:vm";
import { WebhookError } from "mova-webhooks";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryOptions } from "../../src/outbox/memory/options.ts";
import { redisOptions } from "../../src/outbox/redis/options.ts";
import { sqliteOptions } from "../../src/outbox/sqlite/options.ts";
import { attemptQuery, enabling, query, selection, triggering } from "../../src/settings/calls.ts";
import { check } from "../../src/settings/check.ts";
import { object } from "../../src/settings/composed.ts";
import { endpoint } from "../../src/settings/endpoint.ts";
import { listen } from "../../src/settings/listen.ts";
import { manager } from "../../src/settings/manager.ts";
import { useOptions } from "../../src/settings/plugin-use.ts";
import { variables } from "../../src/settings/read/environment.ts";
import { section } from "../../src/settings/read/section.ts";
import { memoryStore, receiver, redisStore } from "../../src/settings/receiver.ts";
import { namedFields, type Setting, standsIn } from "../../src/settings/setting.ts";
import { chat, cloudEvents } from "../../src/settings/transforms.ts";
import { filesBelow, importsOf, sourceOf } from "../support/house.ts";

const declared: Readonly<Record<string, Setting<unknown>>> = {
  manager,
  endpoint,
  useOptions,
  listen,
  find: query,
  attempts: attemptQuery,
  replay: selection,
  enableEndpoint: enabling,
  triggerEvent: triggering,
  receiver,
  memoryStore,
  redisStore,
  cloudEvents,
  chat,
  memory: memoryOptions,
  sqlite: sqliteOptions,
  redis: redisOptions,
};

/** Every setting that code can give, by its path; what is in a list, or a form among several, has a number. */
const settings = new Map(Object.entries(declared).flatMap(([name, setting]) => [...inside(name, setting)]));

function* inside(path: string, setting: Setting<unknown>): Iterable<[string, Setting<unknown>]> {
  if (!standsIn(setting, "code")) return;
  yield [path, setting];
  for (const [key, field] of Object.entries(setting.fields ?? {})) yield* inside(`${path}.${key}`, field);
  for (const [index, item] of (setting.inside?.("code") ?? []).entries()) {
    yield* inside(item.fields === undefined ? `${path}<${index}>` : path, item);
  }
}

const kinds = ["text", "number", "boolean", "function", "list", "object"] as const;
type Kind = (typeof kinds)[number];

/** Words of what a setting expects, which messages say, and the kinds they name: what they do not name is not taken. */
const wordsOf: readonly [Kind, RegExp][] = [
  ["number", /\bfrom \d|^a finite number|Unix milliseconds/],
  ["boolean", /true or false|\bfalse\b/],
  ["function", /\bfunction\b/],
  ["list", /\blist of|list of them\b/],
  ["object", /\{ |\bobject\b|mapping|outbox such|logger|registry|provider|store such|ioredis|a Date\b/],
  [
    "text",
    /text|path|URL|sha256|address or a|characters|pattern|retry|dead|newest|status|timeout|standard|field|key|type|letters|block or/,
  ],
];

function kindsOf(setting: Setting<unknown>): readonly Kind[] {
  const expected = setting.expected("code");
  return wordsOf.filter(([, words]) => words.test(expected)).map(([kind]) => kind);
}

/** Values of each kind, right by their kind and of unlikely content. */
const anyOf: Readonly<Record<Kind | "strange", fc.Arbitrary<unknown>>> = {
  text: fc.string(),
  number: fc.oneof(fc.double(), fc.integer()),
  boolean: fc.boolean(),
  function: fc.constantFrom(
    () => undefined,
    async () => false,
    class {},
    function named() {},
  ),
  list: fc.oneof(fc.array(fc.string()), fc.array(fc.integer()), fc.constant(Array(3)), fc.constant([null])),
  object: fc.oneof(fc.object(), fc.constant(Object.create(null)), fc.constant({ __proto__: { put: 1 } })),
  strange: fc.constantFrom(
    ...[null, Symbol("x"), 10n, new Map([["a", 1]]), new Set(["a"]), new Date(0), /x/, new Error("x")],
    ...[Promise.resolve(), new Uint8Array(2), Buffer.from("a"), new WeakMap(), new ArrayBuffer(1)],
    ...[new String("a"), new Number(5), new Boolean(true), new Proxy(new Map(), {}), new URL("http://a")],
  ),
};

function outcomeOf(setting: Setting<unknown>, value: unknown): unknown {
  const holder = object<{ readonly given: unknown }>({ given: { ...setting, required: true } });
  try {
    return { value: check("`call()`", holder, { given: value }).given };
  } catch (error) {
    return error;
  }
}

function isRefusal(outcome: unknown): boolean {
  return (
    WebhookError.is(outcome) && /`given[^`]*`/.test(outcome.message) && !outcome.message.includes("[object")
  );
}

/** Throws wherever it is looked at. */
function unreadable(target: object): unknown {
  const traps = Object.getOwnPropertyNames(Reflect).map((trap) => {
    return [
      trap,
      (): never => {
        throw new TypeError("own reason");
      },
    ];
  });
  return new Proxy(target, Object.fromEntries(traps) as ProxyHandler<object>);
}

describe("every setting", () => {
  const scalar = [...settings].filter(([path]) => path.includes("."));

  it("is found: there are more than a hundred", () => {
    expect(scalar.length).toBeGreaterThan(100);
    expect(settings.has("endpoint.circuitBreaker.maxWait")).toBe(true);
    expect(settings.has("useOptions.volume.coalesce.windowSeconds")).toBe(true);
    expect(settings.has("manager.network.allow<0>")).toBe(true);
  });

  it.each(scalar)("%s refuses what is of another kind, by its name", (path, setting) => {
    const right = kindsOf(setting);
    expect(right, setting.expected("code")).not.toEqual([]);
    const wrong = kinds.filter((kind) => !right.includes(kind));
    const value = fc.oneof(...wrong.map((kind) => anyOf[kind]), anyOf.strange);
    fc.assert(
      fc.property(value, (given) => {
        const outcome = outcomeOf(setting, given);
        const isDate = /\.(expiresAt|deliverAt)$/.test(path) && given instanceof Date;
        return isDate || isRefusal(outcome);
      }),
      { numRuns: 200 },
    );
  });

  it.each(scalar)("%s takes or refuses by its name what cannot be read", (path, setting) => {
    const given = [unreadable({}), unreadable([]), [unreadable({})], { a: unreadable({}) }];
    for (const value of given) {
      const outcome = outcomeOf(setting, value);
      expect([path, isRefusal(outcome) || !(outcome instanceof Error)]).toEqual([path, true]);
    }
  });

  it.each(scalar)(
    "%s never answers a value of its own kind with anything but that or a refusal",
    (_, setting) => {
      const value = fc.oneof(...kindsOf(setting).map((kind) => anyOf[kind]));
      fc.assert(
        fc.property(value, (given) => {
          const outcome = outcomeOf(setting, given);
          return (
            isRefusal(outcome) ||
            isDeepStrictEqual(plain((outcome as { value: unknown }).value), plain(given))
          );
        }),
        { numRuns: 200 },
      );
    },
  );
});

/** As JSON sees objects: of whatever class they are. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const right: Readonly<Record<string, object>> = {
  manager: {
    timeout: 5,
    network: { allow: ["10.0.0.0/8"], ports: [443] },
    eventTypes: ["order.*"],
    retention: { days: 1 },
    secret: ["one", { secret: "other", expiresAt: "2030-01-01" }],
  },
  endpoint: {
    url: "https://example.com",
    id: "a",
    description: "of the shop",
    secret: { secret: "other", expiresAt: "2030-01-01" },
    headers: { "X-Tenant": "7" },
    retrySchedule: [1, 2],
    statusRules: { "404": "retry" },
    circuitBreaker: { failures: 2 },
    batch: { maxEvents: 2, maxWaitSeconds: 1 },
    rateLimit: { max: 1, per: 1 },
    orderBy: "data.order_id",
    onDead: "skip",
    maxAge: 60,
  },
  useOptions: { volume: { coalesce: { windowSeconds: 1, key: ["a", "b"] } }, redact: ["a"] },
  listen: { host: "localhost", port: 0 },
  find: { endpointId: "a", since: 0, limit: 5 },
  attempts: { endpointId: "a", outcome: "timeout", status: "5xx" },
  replay: { deliveryIds: ["a"], dryRun: true },
  enableEndpoint: { replay: true },
  triggerEvent: { id: "a", deliverAt: 0, expiresAt: 1 },
  receiver: { secret: ["a", "b"], tolerance: 5 },
  memoryStore: { retention: 5, maxEvents: 1 },
  redisStore: { client: { call: () => undefined }, lease: 5 },
  cloudEvents: { source: "urn:a", typePrefix: "" },
  chat: { text: () => "" },
  memory: { maxDeliveries: 5 },
  sqlite: { path: "x.db", leaseMs: 5 },
  redis: { prefix: "a" },
};

type Remake = (value: object) => object;

function deeply(remake: Remake, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => deeply(remake, each) as unknown);
  if (typeof value !== "object" || value === null) return value;
  // What has methods is handed on as it is.
  if (Object.values(value).some((each) => typeof each === "function")) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, deeply(remake, each)]);
  return remake(Object.fromEntries(entries) as object);
}

describe("right values of unusual make", () => {
  const realm = createContext({});
  const makes: Readonly<Record<string, Remake>> = {
    "without a prototype": (value) => Object.assign(Object.create(null) as object, value),
    "of a class": (value) => Object.assign(new (class Options {})(), value),
    frozen: (value) => Object.freeze(value),
    "with getters": (value) =>
      Object.defineProperties(
        {},
        Object.fromEntries(
          Object.entries(value).map(([key, each]) => [key, { enumerable: true, get: () => each as unknown }]),
        ),
      ),
    "behind a proxy": (value) => new Proxy(value, {}),
    inherited: (value) => Object.create(value) as object,
  };

  it.each(Object.keys(declared))("are taken as meant for %s", (name) => {
    const setting = declared[name] as Setting<unknown>;
    const meant = check("`call()`", setting, right[name]);
    expect(Object.keys(meant as object).toSorted()).toEqual(Object.keys(right[name] ?? {}).toSorted());
    for (const [make, remake] of Object.entries(makes)) {
      // Names that the user chooses cannot be told from what every object inherits.
      const { headers, statusRules, ...rest } = (right[name] ?? {}) as Record<string, unknown>;
      const given = make === "inherited" ? rest : { ...rest, ...(headers ? { headers, statusRules } : {}) };
      const expected = check("`call()`", setting, given);
      expect(check("`call()`", setting, deeply(remake, given)), make).toEqual(expected);
    }
    const ofOtherRealm = runInContext(`(${JSON.stringify(right[name])})`, realm) as Record<string, unknown>;
    // What has methods, or is one, is handed on as it is.
    for (const [key, each] of Object.entries(right[name] ?? {})) {
      if (key === "client" || typeof each === "function") ofOtherRealm[key] = each;
    }
    expect(check("`call()`", setting, ofOtherRealm)).toEqual(meant);
  });

  it("are refused by name where a getter throws", () => {
    const given = {
      get timeout(): number {
        throw new TypeError("mine");
      },
    };
    expect(() => check("`call()`", manager, given)).toThrow(/`timeout` of `call\(\)`.*a getter that throws/);
  });

  it("that are dates of another realm end a secret", () => {
    const expiresAt = runInContext("new Date(0)", realm) as Date;
    const secret = ["a", { secret: "b", expiresAt }];
    expect(check("`call()`", endpoint, { url: "https://example.com", secret })).toMatchObject({ secret });
  });
});

describe("a declaration", () => {
  const sources = filesBelow("src").filter((file) => !file.startsWith("src/cli/demo"));

  it("is the only place that has the name of an environment variable", () => {
    for (const { name } of variables) {
      const places = sources.filter((file) => sourceOf(file).includes(`"${name}"`));
      expect(places, name).toHaveLength(1);
    }
  });

  it("is the only place with a setting's name: in the file's form it stands nowhere", () => {
    const ofFile = fileNames(section);
    expect(ofFile).toContain("circuit_breaker");
    const named = ofFile.filter((name) => name.includes("_") && !onTheWire.has(name));
    const found = named.flatMap((name) =>
      sources.filter((file) => codeOf(file).includes(`"${name}"`)).map((file) => `${file}: ${name}`),
    );
    expect(found).toEqual([]);
  });

  it("stands once: no two fields of an object of settings have one name, and no other room lists them", () => {
    const rooms = [/^src\/settings\/[a-z-]+\.ts$/, /^src\/outbox\/\w+\/options\.ts$/];
    const declaring = sources.filter((file) => rooms.some((room) => room.test(file)));
    const kind = "seconds|whole|number|oneOf|flag|list|record|falseOr|oneOrMore|callable|withMethods";
    const declarations = new RegExp(`^  +(\\w+): (?:{ \\.\\.\\.)?(?:${kind})\\b`, "gm");
    const count = new Map<string, string[]>();
    for (const file of declaring) {
      for (const [, name = ""] of sourceOf(file).matchAll(declarations)) {
        count.set(name, [...(count.get(name) ?? []), file]);
      }
    }
    expect(count.size).toBeGreaterThan(30);
    for (const place of ["code", "file", "query", "body"]) count.delete(place);
    const several = [...count].filter(([, files]) => files.length > 1).map(([name]) => name);
    // One word for two things: a manager and an endpoint are enabled, a signature is made and checked, stores differ.
    expect(several.toSorted()).toEqual([
      "enabled",
      "leaseMs",
      "maxDeliveries",
      "maxEvents",
      "signature",
      "state",
    ]);
    // The list of outboxes composes theirs, plugins have rules of their own.
    const users = ["src/outbox/kinds.ts", "src/plugin/check-options.ts"];
    const others = sources.filter((file) => !declaring.includes(file) && !file.includes("settings/read/"));
    const vocabulary = ["src/settings/kinds.ts", "src/settings/composed.ts"];
    const declareToo = others.filter((file) => importsOf(file).some((target) => vocabulary.includes(target)));
    expect(declareToo.filter((file) => !users.includes(file))).toEqual(["src/outbox/kind.ts"]);
  });
});

/** Names in events and answers, which are those of the wire, whatever a setting is called. */
const onTheWire = new Set(["event_types"]);

function fileNames(setting: Setting<unknown>): readonly string[] {
  const own = [...namedFields(setting.fields ?? {}, "file")];
  const below = own.flatMap(([name, field]) => [name, ...fileNames(field.setting)]);
  return [...below, ...(setting.inside?.("file") ?? []).flatMap(fileNames)];
}

function codeOf(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), "utf8").replaceAll(/^ *\/?\*.*$/gm, "");
}
