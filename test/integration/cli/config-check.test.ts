/** `config check`, and what `doctor` says of the same configuration. */
import { describe, expect, it } from "vitest";
import { secret } from "../../support/pipeline.ts";
import { cli, inFolder, write } from "../../support/cli.ts";

describe("config check and doctor", () => {
  it("name every mistake, also those of plugins, types, addresses and the server", async () => {
    write(
      "orders.mjs",
      'export default () => ({ contract: 1, name: "orders", events: { "orders.paid": { summary: "", example: {} } }, translate: {} });\n',
    );
    write(
      "mova.config.yaml",
      `webhook:
  timeout: soon
  endpoints:
    - { id: a, url: "http://hooks.example.com/", secret: ${secret}, event_types: [cache.updatd, orders.paid, cahce.*] }
    - { id: b, url: "http://10.0.0.1/", secret: ${secret}, retries: -1, event_types: [orders.*, shop.sold] }
    - { id: c, url: "https://127.0.0.1/" }
  plugins: [./orders.mjs, cache]
  event_types: [shop.*]
  network: { require_https: true, allow: [10.0.0.0/8] }
  server: { host: 0.0.0.0 }
`,
    );
    const { code, err, out } = await cli(["config", "check", "--json"]);
    expect(code).toBe(2);
    const { mistakes } = JSON.parse(out) as { mistakes: string[] };
    const heads = mistakes.map((mistake) => mistake.split("\n", 1)[0]);
    expect(heads).toEqual([
      expect.stringMatching(/^mova\.config\.yaml:2:12: .*seconds/),
      expect.stringMatching(/:4:21: .*require_https.*use https/),
      expect.stringMatching(/:4:\d+: .*`cache\.updatd`; nearest are cache\.updated/),
      expect.stringMatching(/:4:\d+: .*no event type matches `cahce\.\*`; nearest are cache\.\*/),
      expect.stringMatching(/:5:21: .*10\.0\.0\.1.*require_https/),
      expect.stringMatching(/:5:\d+: .*retries/),
      expect.stringMatching(/:6:7: this endpoint has no secret; set/),
      expect.stringMatching(/:6:21: .*127\.0\.0\.1.*network\.allow/),
      expect.stringMatching(/:10:19: .*only with a token/),
    ]);
    for (const mistake of mistakes) expect(err).toContain(mistake);
    expect(err).toContain("There are 9 mistakes");
    expect(err).not.toContain(secret);
  });

  it("judge also the types of endpoints whose other settings are wrong", async () => {
    write(
      "mova.config.yaml",
      `webhook:
  secret: ${secret}
  endpoints:
    - { id: a, url: ftp://a.example.com, event_types: [shop.sold] }
    - { id: a, ulr: "https://b.example.com", event_types: [7, validaton.*] }
  network: { ports: [8443] }
`,
    );
    const { out } = await cli(["config", "check", "--json"]);
    const { mistakes } = JSON.parse(out) as { mistakes: string[] };
    expect(mistakes.map((mistake) => mistake.split("\n", 1)[0])).toEqual([
      expect.stringMatching(/:4:21: .*https:\/\//),
      expect.stringMatching(/:4:56: .*`shop\.sold`/),
      expect.stringMatching(/:5:7: .*url` is missing/),
      expect.stringMatching(/:5:7: .*the id `a`/),
      expect.stringMatching(/:5:16: .*`ulr`/),
      expect.stringMatching(/:5:\d+: .*event_types\[0\]/),
      expect.stringMatching(/:5:\d+: .*`validaton\.\*`; nearest are validation\.\*/),
    ]);
  });

  it("refuse a file without the section under the default name too", async () => {
    write("mova.config.yaml", "webhok:\n  endpoints: []\n");
    const checked = await cli(["config", "check"]);
    expect(checked).toMatchObject({ code: 2, err: expect.stringContaining("did you mean `webhook`") });
    expect(await cli(["serve", "--port", "0"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean `webhook`"),
    });
  });

  it("name plugins that cannot be loaded, and judge no types that they may declare", async () => {
    write("broken.mjs", "export default 7;\n");
    write("throwing.mjs", `throw new RangeError("own words");\n`);
    write("unfinished.mjs", "export default {\n");
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: a, url: "https://a.example.com/", secret: ${secret}, event_types: [nowhere.found] }]\n  plugins: [cahce, ./broken.mjs, { use: cache }, cache, ./throwing.mjs, ./unfinished.mjs]\n`,
    );
    const { code, err } = await cli(["config", "check"]);
    expect(code).toBe(2);
    expect(err).toMatch(/3:13: Plugin `cahce` cannot be imported/);
    expect(err).toMatch(/3:20: .*broken\.mjs` has no default export/);
    expect(err).toMatch(/3:50: Two plugins are named `cache`/);
    const thrown = /3:57: .*throwing\.mjs` failed: RangeError: own words, at .*throwing\.mjs:1:7/;
    expect(err).toMatch(thrown);
    expect(err).toMatch(/unfinished\.mjs` failed: SyntaxError: .*; run its file with `node` to see the line/);
    expect(err).toContain("There are 5 mistakes");
    const { out } = await cli(["doctor"]);
    expect(out).toMatch(/✗ configuration: .*3:13: Plugin `cahce`/);
    expect(out).toMatch(thrown);
  });

  it("take a right configuration and hide its secrets", async () => {
    write(
      "mova.config.yaml",
      `webhook:\n  endpoints: [{ id: ops, url: "http://127.0.0.1:9/hook", secret: ${secret} }]\n  network: { allow: [127.0.0.0/8] }\n  outbox: { type: memory }\n`,
    );
    const checked = await cli(["config", "check", "--json"]);
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.out)).toMatchObject({ endpoints: [{ id: "ops" }] });
    expect(checked.out).not.toContain(secret);
    expect(checked.out).not.toContain("/hook");
    const examined = await cli(["doctor", "--json"]);
    expect(examined.code).toBe(0);
    expect(JSON.parse(examined.out)).toContainEqual({
      check: "endpoint ops",
      level: "ok",
      message: expect.stringContaining("127.0.0.1"),
    });
  });

  it("refuse a wrong one with file, line and column", async () => {
    write("mova.config.yaml", "webhook:\n  timeout: soon\n");
    const checked = await cli(["config", "check"]);
    expect(checked.code).toBe(2);
    expect(checked.err).toContain("mova.config.yaml:2:12");
    expect((await cli(["doctor"])).code).toBe(1);
  });

  it("refuse a configuration that is a directory", async () => {
    const { code, err } = await cli(["config", "check", "--config", inFolder()]);
    expect(code).toBe(2);
    expect(err).toContain("directory");
  });
});
