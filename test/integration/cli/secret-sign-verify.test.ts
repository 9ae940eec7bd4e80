/** `secret`, `sign` and `verify`, which need no configuration. */
import { describe, expect, it } from "vitest";
import { secret } from "../../support/pipeline.ts";
import { cli, type Said, write } from "../../support/cli.ts";

describe("secret, sign and verify", () => {
  it("fit together: what sign prints for a new secret, verify takes", async () => {
    const made = JSON.parse((await cli(["secret", "--json"])).out) as { secret: string };
    const env = { MOVA_WEBHOOK_SECRET: made.secret };
    const body = '{"event_type":"cache.updated","data":{"key":"a"}}';
    const { out } = await cli(["sign", "-", "--id", "evt_7", "--json"], { env, input: body });
    const headers = Object.entries(JSON.parse(out) as Record<string, string>).flatMap(([name, value]) => [
      "-H",
      `${name}: ${value}`,
    ]);
    const file = write("body.json", body);
    expect(await cli(["verify", `@${file}`, ...headers], { env })).toMatchObject({
      code: 0,
      out: "genuine: cache.updated evt_7\n  webhook-signature  verified\n  X-Mova-Signature   verified\n",
    });
    const changed = await cli(["verify", `${body} `, ...headers, "--json"], { env });
    expect(changed.code).toBe(1);
    expect(JSON.parse(changed.out)).toMatchObject({ ok: false, code: "SIGNATURE_INVALID" });
  });

  it("tell a right signature from a body that is no event", async () => {
    const body = '{"hello":1}';
    const { out } = await cli(["sign", body, "--secret", secret, "--json"]);
    const headers = Object.entries(JSON.parse(out) as Record<string, string>);
    const lines = (names: RegExp): string[] =>
      headers.filter(([name]) => names.test(name)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const verify = (args: readonly string[]): Promise<Said> =>
      cli(["verify", body, "--secret", secret, "--json", ...args]);

    const both = await verify(lines(/./));
    expect(both).toMatchObject({ code: 0, err: expect.stringContaining("no `event_type`") });
    expect(JSON.parse(both.out)).toMatchObject({ ok: true, standard: "verified", mova: "verified" });

    const movaAlone = await verify(lines(/^X-Mova/));
    expect(movaAlone.code).toBe(1);
    expect(JSON.parse(movaAlone.out)).toMatchObject({
      ok: false,
      standard: "HEADERS_MISSING",
      mova: "verified",
      message: expect.stringContaining("`--require mova`"),
    });
    expect((await verify([...lines(/^X-Mova/), "--require", "mova"])).code).toBe(0);

    const forged = await cli(["verify", '{"hello":2}', "--secret", secret, ...lines(/./)]);
    expect(forged).toMatchObject({ code: 1, err: "" });
    expect(forged.out).toContain("X-Mova-Signature   SIGNATURE_INVALID");
  });

  it("without a secret ask for one and name where it goes", async () => {
    const { code, err } = await cli(["sign", "{}"]);
    expect(code).toBe(2);
    expect(err).toContain("MOVA_WEBHOOK_SECRET");
  });
});
