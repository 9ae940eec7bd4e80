/** Programs whose packages use the watched libraries for themselves: only what the program made counts. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChildProject, childProject, webhookEnvironment } from "../support/child-project.ts";

let receiver: FakeEndpoint;
let project: ChildProject;

beforeEach(async () => {
  receiver = await fakeEndpoint();
});
afterEach(async () => {
  await receiver.close();
});

type Form = "mjs" | "cjs";

/** The statements that import and export, in both module systems. */
const words = {
  mjs: {
    take: (names: string, from: string) => `import { ${names} } from "${from}";`,
    give: (names: string) => `export { ${names} };`,
  },
  cjs: {
    take: (names: string, from: string) =>
      `const { ${names.replaceAll(" as ", ": ")} } = require("${from}");`,
    give: (names: string) => `module.exports = { ${names} };`,
  },
};

/** Writes a package that the program depends on. */
function writePackage(of: ChildProject, name: string, form: Form, text: string): void {
  mkdirSync(join(of.folder, "node_modules", name));
  of.write(
    `node_modules/${name}/package.json`,
    JSON.stringify({ name, version: "1.0.0", main: `main.${form}` }),
  );
  of.write(`node_modules/${name}/main.${form}`, text);
}

/** Runs a program with and without us; returns the events, each as type and what tells it from others. */
async function eventsOf(
  program: ChildProject,
  form: Form,
  text: string,
  settings: object,
): Promise<readonly string[]> {
  program.write(`app.${form}`, text);
  program.write("mova.config.yaml", JSON.stringify({ webhook: settings }));
  const env = webhookEnvironment(receiver.url);
  const seen = receiver.requests.length;
  const alone = await program.run(`app.${form}`, { watched: false, env });
  expect(await program.run(`app.${form}`, { env })).toEqual(alone);
  expect(alone).toMatchObject({ code: 0, stderr: "" });
  const events = receiver.requests.slice(seen).map(({ body }) => JSON.parse(body.toString()) as Event);
  return events
    .map(({ event_type, data }) => `${event_type} ${String(data["schema"] ?? data["key"])}`)
    .sort();
}

interface Event {
  readonly event_type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const failed = (schema: string) => [`validation.failed ${schema}`, `validation.started ${schema}`];

const zods: [string, string, Record<string, string>, Form][] = (["mjs", "cjs"] as const).flatMap((form) => [
  ["zod 4", "zod", {}, form],
  ["zod 3", "zod", { zod: "zod3" }, form],
  ["zod/v3 of zod 4", "zod/v3", {}, form],
]);

it.each(zods)(
  "a package sorts its messages with %s (%s, %j, .%s): that is not the program's",
  async (...row) => {
    const [, from, versions, form] = row;
    project = childProject(versions);
    const { take, give } = words[form];
    writePackage(
      project,
      "sniffer",
      form,
      `${take("z", from)}
    const Request = z.object({ method: z.string() }).describe("request");
    const isRequest = (message) => Request.safeParse(message).success;
    const validateTool = (shape, given) => z.object(shape).describe("tool").safeParse(given).success;
    const validateWith = (schema, given) => schema.safeParse(given).success;
    ${give("isRequest, validateTool, validateWith")}`,
    );
    const program = `${take("z", from)} ${take("isRequest, validateTool, validateWith", "sniffer")}
    const own = z.object({ a: z.string().optional() }).describe("own");
    console.log(isRequest({}), own.shape.a.isOptional(), validateTool({ city: z.string() }, {}));
    console.log(validateWith(own, { a: 1 }), own.safeParse({ a: 2 }).success);`;
    const asked = [...failed("own"), ...failed("own"), ...failed("tool")].sort();
    expect(await eventsOf(project, form, program, {})).toEqual(asked);
    const included = { plugins: [{ use: "validation", options: { include: ["sniffer"] } }] };
    expect(await eventsOf(project, form, program, included)).toEqual([...asked, ...failed("request")].sort());
  },
);

const cacheVersions: [string, Record<string, string>, Form][] = (["mjs", "cjs"] as const).flatMap((form) => [
  ["lru-cache 11 and Keyv 5", {}, form],
  ["lru-cache 10 and Keyv 4", { "lru-cache": "lru-cache10", keyv: "keyv4" }, form],
]);

it.each(cacheVersions)(
  "caches that a package makes for itself do not count (%s, %j, .%s)",
  async (...row) => {
    const [, versions, form] = row;
    project = childProject(versions);
    const { take, give } = words[form];
    const takeKeyv =
      form === "mjs"
        ? `import KeyvModule from "keyv"; const Keyv = KeyvModule.Keyv ?? KeyvModule;`
        : `const KeyvModule = require("keyv"); const Keyv = KeyvModule.Keyv ?? KeyvModule;`;
    writePackage(
      project,
      "flooder",
      form,
      `${take("LRUCache", "lru-cache")} ${takeKeyv}
    class Own extends LRUCache { constructor() { super({ max: 9 }); } }
    const flood = async () => {
      new Own().set("own of flooder", 1);
      new LRUCache({ max: 9 }).clear();
      await new Keyv().set("keyv of flooder", 1);
    };
    const write = (cache) => cache.set("into the program's", 1);
    ${give("flood, write")}`,
    );
    const program = `${take("LRUCache", "lru-cache")} ${takeKeyv} ${take("flood, write", "flooder")}
    class Mine extends LRUCache {}
    (async () => {
      await flood();
      const mine = new Mine({ max: 3 });
      write(mine);
      await write(new Keyv());
      console.log(mine.constructor === Mine, Mine.name, mine instanceof LRUCache, LRUCache.name, Keyv.name);
      console.log(LRUCache.prototype.constructor === LRUCache, new LRUCache({ max: 1 }).constructor === LRUCache);
    })();`;
    const own = ["cache.updated into the program's", "cache.updated into the program's"];
    expect(await eventsOf(project, form, program, {})).toEqual(own);
    const included = { plugins: [{ use: "cache", options: { include: ["*"] } }] };
    expect(await eventsOf(project, form, program, included)).toEqual(
      [
        ...own,
        "cache.cleared undefined",
        "cache.updated keyv of flooder",
        "cache.updated own of flooder",
      ].sort(),
    );
  },
);

it.each(["mjs", "cjs"] as const)("zod/mini, zod/v4/core and `~standard` are seen (.%s)", async (form) => {
  project = childProject();
  const { take } = words[form];
  const program = `${take("string", "zod/mini")} ${take("safeParse", "zod/v4/core")} ${take("z", "zod")}
    console.log(string().safeParse(1).success, safeParse(string(), 2).success);
    console.log(z.string().describe("standard")["~standard"].validate(3).issues.length);
    console.log(z.string().describe("decoded").safeDecode(4).success);`;
  expect(await eventsOf(project, form, program, {})).toEqual(
    [...failed("unnamed"), ...failed("unnamed"), ...failed("standard"), ...failed("decoded")].sort(),
  );
});
