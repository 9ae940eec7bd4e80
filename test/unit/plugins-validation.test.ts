/** The validation plugin on real Ajv and zod. */
import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import { validation } from "mova-webhooks/plugins/validation";
import { describe, expect, it } from "vitest";
import * as z3 from "zod/v3";
import * as z4 from "zod";
import * as mini from "zod/mini";
import { type CollectingHost, collectingHost } from "../../src/testing/collecting-host.ts";

const userSchema = {
  $id: "user_schema",
  type: "object",
  required: ["age"],
  properties: { age: { type: "integer", minimum: 0 }, name: { type: "string" } },
};
const good = { age: 3, name: "secret name" };
const bad = { age: -1, name: "secret name" };

const hostFor = (options = {}): CollectingHost => {
  let clock = 0;
  return collectingHost(validation({ now: () => (clock += 2), ...options }));
};
const types = (host: CollectingHost): string[] => host.drafts.map(({ type }) => type);

const started = (library: string, schema: string) => ({
  type: "validation.started",
  data: { schema, data_size: expect.any(Number), library },
});

describe.each([
  ["Ajv", Ajv],
  ["Ajv2019", Ajv2019],
  ["Ajv2020", Ajv2020],
] as const)("%s", (_, Class) => {
  it("makes two events of a validation, with names and sizes and without content", () => {
    const host = hostFor();
    const ajv = new Class();
    expect(host.instrument(ajv)).toBe(ajv);
    const validate = ajv.compile(userSchema);
    expect(host.drafts).toEqual([]); // Compiling checks the schema itself, which is no event.

    expect(validate(good)).toBe(true);
    expect(validate(bad)).toBe(false);
    expect(validate.errors).toHaveLength(1);
    expect(host.drafts).toEqual([
      {
        type: "validation.started",
        data: { schema: "user_schema", data_size: JSON.stringify(good).length, library: "ajv" },
      },
      {
        type: "validation.completed",
        data: { schema: "user_schema", valid: true, errors: [], duration_ms: 2, library: "ajv" },
      },
      started("ajv", "user_schema"),
      {
        type: "validation.failed",
        data: {
          schema: "user_schema",
          valid: false,
          errors: [{ path: "/age", rule: "minimum" }],
          error_count: 1,
          duration_ms: 2,
          library: "ajv",
        },
      },
    ]);
    expect(JSON.stringify(host.published)).not.toContain("secret name");
  });

  it("tells durations to the microsecond", () => {
    let clock = 0;
    const host = hostFor({ now: () => (clock += 0.12181399999997211) });
    const validate = host.instrument(new Class()).compile(userSchema);
    for (const document of [good, bad]) validate(document);
    const durations = host.drafts.map(({ data }) => (data as { duration_ms?: number }).duration_ms);
    expect(durations).toEqual([undefined, 0.122, undefined, 0.122]);
  });

  it("sees `validate` by schema and by key, and names a schema by its key", () => {
    const host = hostFor();
    const ajv = host.instrument(new Class());
    ajv.addSchema({ type: "string" }, "greeting");
    expect(ajv.validate("greeting", 1)).toBe(false);
    expect(ajv.errors).toHaveLength(1);
    expect(ajv.validate({ title: "number", type: "number" }, 1)).toBe(true);
    expect(types(host)).toEqual([
      "validation.started",
      "validation.failed",
      "validation.started",
      "validation.completed",
    ]);
    expect(host.drafts.map(({ data }) => (data as { schema: string }).schema)).toEqual([
      "greeting",
      "greeting",
      "number",
      "number",
    ]);
  });

  it("answers the same validator for the same schema, with what Ajv put on it", async () => {
    const host = hostFor();
    const ajv = host.instrument(new Class({ loadSchema: () => Promise.resolve({}) }));
    const validate = ajv.compile(userSchema);
    expect(ajv.compile(userSchema)).toBe(validate);
    expect(ajv.getSchema("user_schema")).toBe(validate);
    expect(await ajv.compileAsync(userSchema)).toBe(validate);
    expect(validate.schema).toBe(userSchema);
    expect(host.instrument(validate)).toBe(validate);
    validate(good);
    expect(types(host)).toHaveLength(2);
  });

  it("sees asynchronous validators resolve and reject as they did", async () => {
    const host = hostFor();
    const ajv = host.instrument(new Class());
    const validate = ajv.compile({ ...userSchema, $id: "async_user", $async: true });
    await expect(validate(good)).resolves.toBe(good);
    await expect(validate(bad)).rejects.toMatchObject({ validation: true });
    expect(types(host)).toEqual([
      "validation.started",
      "validation.completed",
      "validation.started",
      "validation.failed",
    ]);
    expect(host.drafts.at(-1)?.data).toMatchObject({ errors: [{ path: "/age", rule: "minimum" }] });
  });

  it("watches a validator that was compiled before", () => {
    const host = hostFor();
    const validate = new Class().compile(userSchema);
    const watched = host.instrument(validate);
    expect(watched).not.toBe(validate);
    expect([watched(bad), watched.errors === validate.errors, watched.length]).toEqual([
      false,
      true,
      validate.length,
    ]);
    expect(types(host)).toEqual(["validation.started", "validation.failed"]);
  });
});

describe("options and limits", () => {
  it("lists at most `maxErrors` errors, counts them all, and sends messages only when asked", () => {
    const items = { $id: "numbers", type: "array", items: { type: "number" } };
    const document = Array.from({ length: 30 }, () => "text");
    for (const [options, expected] of [
      [{}, { length: 20, first: { path: "/0", rule: "type" } }],
      [
        { maxErrors: 1, includeMessages: true },
        { length: 1, first: { path: "/0", rule: "type", message: "must be number" } },
      ],
    ] as const) {
      const host = hostFor(options);
      host.instrument(new Ajv({ allErrors: true })).compile(items)(document);
      const data = host.drafts.at(-1)?.data;
      expect(data).toMatchObject({ errors: { length: expected.length }, error_count: 30 });
      expect(data).toHaveProperty("errors.0", expected.first);
    }
  });

  it("reads neither clock nor document while nobody wants its events", () => {
    const host = hostFor({ now: () => expect.unreachable() });
    host.want(() => false);
    const validate = host.instrument(new Ajv()).compile({ type: "object" });
    expect(validate(new Proxy({}, { ownKeys: () => expect.unreachable() }))).toBe(true);
    expect(host.published).toEqual([]);
  });
});

const zods = [
  ["zod 3", z3],
  ["zod 4", z4],
] as const;
describe.each(zods)("%s", (_, z) => {
  const make = () =>
    (z as typeof z4)
      .object({
        age: (z as typeof z4).number().min(0),
        tags: (z as typeof z4).array((z as typeof z4).string()).optional(),
      })
      .describe("user_schema");

  it("makes two events of every way to parse, also unbound", async () => {
    const host = hostFor();
    const schema = make();
    expect(host.instrument(schema)).toBe(schema);
    // zod binds its methods, so that they work unbound.
    // oxlint-disable-next-line typescript/unbound-method
    const { parse, safeParse } = schema;
    const ways: [() => unknown, boolean][] = [
      [() => schema.parse({ age: 1 }), true],
      [() => parse({ age: 1 }), true],
      [() => schema.safeParse({ age: -1 }).success, false],
      [() => safeParse({ age: 1 }).success, true],
      [() => schema.parseAsync({ age: 1 }), true],
      [() => schema.safeParseAsync({ age: -1 }), false],
      [() => schema.spa({ age: 1 }), true],
    ];
    for (const [way, valid] of ways) {
      host.clear();
      await way();
      const end = valid ? "validation.completed" : "validation.failed";
      expect([String(way), ...types(host)]).toEqual([String(way), "validation.started", end]);
    }
  });

  it("throws zod's error and tells paths and codes, without content", async () => {
    const host = hostFor();
    const schema = host.instrument(make());
    expect(() => schema.parse({ age: "secret", tags: ["a", 5] })).toThrow(z.ZodError);
    await expect(schema.parseAsync({ age: -1 })).rejects.toThrow(z.ZodError);
    expect(host.drafts[1]?.data).toMatchObject({
      schema: "user_schema",
      valid: false,
      error_count: 2,
      errors: [
        { path: "/age", rule: "invalid_type" },
        { path: "/tags/1", rule: "invalid_type" },
      ],
    });
    expect(host.drafts[3]?.data).toMatchObject({ errors: [{ path: "/age", rule: "too_small" }] });
    expect(JSON.stringify(host.published)).not.toContain("secret");
  });

  it("does not count the schemas inside, instrumented or not", () => {
    const host = hostFor();
    const inner = host.instrument(make());
    const outer = host.instrument((z as typeof z4).object({ user: inner }));
    outer.safeParse({ user: { age: 1 } });
    expect(types(host)).toEqual(["validation.started", "validation.completed"]);
  });

  it("does not take a document for a verdict", () => {
    const host = hostFor();
    host
      .instrument((z as typeof z4).object({ success: (z as typeof z4).boolean() }))
      .parse({ success: false });
    expect(types(host).at(-1)).toBe("validation.completed");
  });

  it("tells a validation that broke instead of judging", () => {
    const host = hostFor();
    const schema = host.instrument(
      (z as typeof z4).string().transform(() => {
        throw new RangeError("secret");
      }),
    );
    expect(() => schema.parse("x")).toThrow(RangeError);
    expect(host.drafts.at(-1)?.data).toMatchObject({ errors: [], error_count: 0, error_type: "RangeError" });
  });
});

describe("only what a program asks for counts", () => {
  it.each(zods)("%s asks itself what is optional or nullable", (_, z) => {
    const host = hostFor();
    const schema = host.instrument((z as typeof z4).string());
    expect([schema.isOptional(), schema.isNullable()]).toEqual([false, false]);
    expect(types(host)).toEqual([]);
    schema.safeParse(undefined);
    expect(types(host)).toEqual(["validation.started", "validation.failed"]);
  });

  it("what one validator asks of another is a part of its own", () => {
    const host = hostFor();
    const inner = host.instrument(z4.string());
    const ajv = host.instrument(new Ajv()).compile({ type: "string" });
    const outer = host.instrument(
      z4.unknown().refine((value) => inner.safeParse(value).success || ajv(value)),
    );
    outer.safeParse(5);
    const validator = host.instrument({ validateMovaFile: (file: unknown) => ajv(file) });
    validator.validateMovaFile(5);
    expect(host.drafts.map(({ type, data }) => [type, (data as { library: string }).library])).toEqual([
      ["validation.started", "zod"],
      ["validation.failed", "zod"],
      ["validation.started", "mova"],
      ["validation.failed", "mova"],
    ]);
  });
});

describe("keys that the schema does not name do not leave", () => {
  const secret = "ann@example.com";
  const pathsOf = (host: CollectingHost): string[] =>
    (host.drafts.at(-1)?.data as { errors: { path: string }[] } | undefined)?.errors.map(
      ({ path }) => path,
    ) ?? [];

  it.each(zods)("in %s", (_, zod) => {
    const z = zod as typeof z4;
    const item = z.object({ "a/b": z.array(z.number()).optional() });
    const schema = z.object({
      byMail: z.record(z.string(), item),
      either: z.union([z.string(), item]).nullable(),
      pair: z.tuple([z.string(), item.readonly()]),
      lazy: z.lazy(() => item),
      made: z.preprocess((value) => value, item),
      open: item.catchall(z.number()),
      map: z.map(z.string(), z.number()),
    });
    const host = hostFor({ maxErrors: 100 });
    const wrong = { "a/b": ["x"] };
    host.instrument(schema).safeParse({
      byMail: { [secret]: wrong, other: wrong },
      either: wrong,
      pair: ["a", wrong],
      lazy: wrong,
      made: wrong,
      open: { [secret]: "x" },
      map: new Map([[secret, "x"]]),
    });
    const paths = pathsOf(host).sort();
    const expected = ["/byMail/*/a~1b/0", "/byMail/*/a~1b/0", "/lazy/a~1b/0", "/made/a~1b/0"];
    // Version 3 tells of a union which of its parts are wrong only inside of the error.
    expect(paths).toEqual(expect.arrayContaining([...expected, "/open/*", "/pair/1/a~1b/0"]));
    expect(paths).toContainEqual(expect.stringMatching(/^\/map(?:\/\*)+$/));
    expect(JSON.stringify(host.published)).not.toContain(secret);
  });

  it.each(zods)("also where the program adds an issue of its own, in %s", (_, zod) => {
    const z = zod as typeof z4;
    const host = hostFor();
    const schema = z.object({ a: z.string() }).superRefine((_value, context) => {
      context.addIssue({ code: "custom", message: "no", path: ["a", secret, 7] });
    });
    host.instrument(schema).safeParse({ a: "x" });
    expect(pathsOf(host)).toEqual(["/a/*/*"]);
  });

  it("in Ajv, through references and all that combines schemas", () => {
    const host = hostFor({ maxErrors: 100 });
    const ajv = host.instrument(new Ajv({ allErrors: true, strict: false }));
    ajv.addSchema({ $id: "https://example.com/other.json", properties: { city: { type: "string" } } });
    const validate = ajv.compile({
      $id: "https://example.com/person.json",
      definitions: { name: { properties: { first: { type: "string" } } } },
      properties: {
        "a/b": { $ref: "#/definitions/name" },
        byMail: { additionalProperties: { $ref: "#/definitions/name" } },
        pattern: { patternProperties: { "@": { type: "number" } } },
        list: { items: { anyOf: [{ properties: { x: { type: "number" } } }] } },
        address: { allOf: [{ $ref: "other.json" }] },
      },
    });
    validate({
      "a/b": { first: 1 },
      byMail: { [secret]: { first: 1 } },
      pattern: { [secret]: "x" },
      list: [{}, { x: "y" }],
      address: { city: 1 },
    });
    expect([...new Set(pathsOf(host))].sort()).toEqual([
      "/address/city",
      "/a~1b/first",
      "/byMail/*/first",
      "/list/1",
      "/list/1/x",
      "/pattern/*",
    ]);
    expect(JSON.stringify(host.published)).not.toContain(secret);
  });
});

it("watches whatever speaks Standard Schema", async () => {
  const host = hostFor();
  const issues = [{ message: "secret line", path: ["secret key", { key: 3 }, 4] }];
  const schema = host.instrument({
    "~standard": {
      version: 1,
      vendor: "acme",
      validate: (value: unknown) => (value === "good" ? { value } : { issues }),
    },
  });
  expect(schema["~standard"].validate("bad")).toEqual({ issues });
  expect(schema["~standard"].validate("good")).toEqual({ value: "good" });
  expect(host.drafts.map(({ type }) => type)).toEqual([
    "validation.started",
    "validation.failed",
    "validation.started",
    "validation.completed",
  ]);
  expect(host.drafts[1]?.data).toMatchObject({ library: "acme", errors: [{ path: "/*/3/4" }] });
  expect(JSON.stringify(host.published)).not.toContain("secret");
});

it("watches codecs, `validate` and `~standard` of zod 4", async () => {
  const host = hostFor();
  const schema = host.instrument(z4.object({ a: z4.string() }).describe("named"));
  schema.safeDecode({ a: 1 } as never);
  schema.encode({ a: "x" });
  await schema["~standard"].validate({ a: 1 });
  expect(host.drafts.map(({ type, data }) => [type, (data as { schema: string }).schema])).toEqual(
    ["failed", "completed", "failed"].flatMap((end) => [
      ["validation.started", "named"],
      [`validation.${end}`, "named"],
    ]),
  );
  expect(host.drafts.at(-1)?.data).toMatchObject({ errors: [{ path: "/a", rule: "invalid_type" }] });
});

it("watches zod/mini", () => {
  const host = hostFor();
  host.instrument(mini.object({ a: mini.string() })).safeParse({});
  expect(types(host)).toEqual(["validation.started", "validation.failed"]);
});

describe("a validator of MOVA's shape", () => {
  it.each([
    [true, "completed"],
    [false, "failed"],
    [undefined, "completed"],
    [{ valid: true, errors: [] }, "completed"],
    [{ valid: false, errors: ["secret line"] }, "failed"],
    [[false, [{ path: "/a", rule: "required" }]], "failed"],
    [Promise.resolve({ isValid: false }), "failed"],
  ])("reads the answer %j as %s", async (answer, end) => {
    const host = hostFor();
    const validator = host.instrument({ validateMovaFile: (_file: unknown) => answer });
    expect(await validator.validateMovaFile({ mova: "3.0" })).toBe(await answer);
    expect(types(host)).toEqual(["validation.started", `validation.${end}`]);
    expect(JSON.stringify(host.drafts)).not.toContain("secret line");
  });

  it("measures a document, but not the name of a file", () => {
    const host = hostFor();
    const validator = host.instrument({ validateMovaFile: (_file: unknown) => true });
    for (const file of ["mova.json", '{"a":1}', { a: 1 }]) validator.validateMovaFile(file);
    const starts = host.drafts.filter(({ type }) => type === "validation.started");
    expect(starts.map(({ data }) => (data as { data_size?: number }).data_size)).toEqual([undefined, 7, 7]);
  });
});
