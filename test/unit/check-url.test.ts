/** Which URLs may be called: the corpus of attacks, and the rules for http, ports, allow and deny. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkUrl, refuseLiteral } from "../../src/security/check-url.ts";
import type { NetworkOptions } from "../../src/security/network-policy.ts";
import { fakeResolver } from "../support/fake-resolver.ts";

interface Case {
  readonly url: string;
  readonly verdict: "allow" | "block";
  readonly why: string;
  readonly dns?: Record<string, string[] | string[][]>;
}

const corpus: readonly Case[] = JSON.parse(
  readFileSync(new URL("../fixtures/ssrf-urls.json", import.meta.url), "utf8"),
);

const check = (url: string, network: NetworkOptions = {}) =>
  checkUrl(url, { lookup: fakeResolver({}).lookup, ...network });

describe("the corpus of addresses", () => {
  const cases = corpus.map((each) => [each.url, each.verdict, each.why, each] as const);

  // Over https, so that the rule about plain http cannot hide a hole in the address rules.
  test.each(cases)("%j over https: %s, %s", async (_url, verdict, _why, { url, dns = {} }) => {
    const { lookup } = fakeResolver(dns);
    const overHttps = url.replace(/^http:/, "https:");
    const verdicts = [];
    for (let answer = 0; answer < longestSequence(dns); answer += 1) {
      verdicts.push((await checkUrl(overHttps, { lookup })).allowed ? "allow" : "block");
    }
    expect(verdicts.at(-1)).toBe(verdict);
  });

  test.each(cases)(
    "%j as written: %s when its public addresses are listed, %s",
    async (_url, verdict, _why, each) => {
      const { url, dns = {} } = each;
      const { addresses } = await checkUrl(url.replace(/^http:/, "https:"), {
        lookup: fakeResolver(dns).lookup,
      });
      const publicAddresses = verdict === "allow" ? addresses : [];
      const network = { lookup: fakeResolver(dns).lookup, requireHttps: false };
      expect((await checkUrl(url, { ...network, allow: publicAddresses })).allowed).toBe(verdict === "allow");
      const unlisted = (await checkUrl(url, network)).allowed;
      expect(unlisted).toBe(verdict === "allow" && url.startsWith("https:"));
    },
  );

  test("holds both verdicts in number", () => {
    expect(corpus.filter(({ verdict }) => verdict === "block").length).toBeGreaterThan(70);
    expect(corpus.filter(({ verdict }) => verdict === "allow").length).toBeGreaterThan(20);
  });
});

describe("plain http", () => {
  test.each<[string, NetworkOptions, boolean, string]>([
    ["http://93.184.216.34/", {}, false, "network.allow"],
    ["http://93.184.216.34/", { requireHttps: false }, false, "network.allow"],
    ["http://93.184.216.34/", { allow: ["93.184.216.34"] }, false, "network.require_https"],
    ["http://93.184.216.34/", { allow: ["93.184.216.34"], requireHttps: false }, true, ""],
    ["http://10.1.2.3/", { allow: ["10.0.0.0/8"] }, false, "network.require_https"],
    ["http://10.1.2.3/", { allow: ["10.0.0.0/8"], requireHttps: false }, true, ""],
    ["https://10.1.2.3/", { allow: ["10.0.0.0/8"] }, true, ""],
    ["http://127.0.0.1:8080/", {}, false, "network.allow"],
    ["http://127.0.0.1:8080/", { requireHttps: false }, false, "network.allow"],
    ["http://127.0.0.1:8080/", { allow: ["127.0.0.1"] }, true, ""],
    ["http://127.0.0.2:8080/", { allow: ["127.0.0.1"] }, false, "network.allow"],
    ["http://[::1]:8080/", { allow: ["::1"] }, true, ""],
    ["http://[::ffff:7f00:1]/", { allow: ["127.0.0.0/8"] }, true, ""],
    ["http://127.0.0.1/", { allow: ["::ffff:127.0.0.0/104"] }, true, ""],
    ["http://127.0.0.1/", { allow: ["::ffff:0.0.0.0/96"] }, true, ""],
    ["http://127.0.0.1/", { allow: ["::ffff:0.0.0.0/95"] }, false, "network.allow"],
  ])("to %s with %j is allowed: %j", async (url, network, allowed, setting) => {
    const verdict = await check(url, network);
    expect(verdict.allowed).toBe(allowed);
    expect(verdict.reason ?? "").toContain(setting);
  });
});

describe("allow, deny and metadata", () => {
  const everything = ["0.0.0.0/0", "::/0"];

  test.each([
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.0.23",
    "169.254.42.42",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "[fd20:ce::254]",
    "[fd00:42::42]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
  ])("the metadata address %s stays refused even when it is listed", async (host) => {
    const listed = host.replace(/^\[|\]$/g, "");
    const verdict = await check(`https://${host}/`, { allow: [...everything, listed], requireHttps: false });
    expect(verdict.allowed).toBe(false);
    expect(verdict.reason).toContain("metadata");
  });

  test("deny wins over allow and over being public", async () => {
    expect(await check("https://10.0.0.7/", { allow: ["10.0.0.0/8"], deny: ["10.0.0.7"] })).toEqual({
      allowed: false,
      reason: "10.0.0.7 is listed in `network.deny`",
      addresses: ["10.0.0.7"],
    });
    expect((await check("https://[::ffff:8.8.8.8]/", { deny: ["8.8.0.0/16"] })).allowed).toBe(false);
    expect((await check("https://10.0.0.8/", { allow: ["10.0.0.0/8"], deny: ["10.0.0.7"] })).allowed).toBe(
      true,
    );
  });

  test("an opened NAT64 range does not open the private addresses behind it", async () => {
    const allow = ["64:ff9b::/96"];
    expect((await check("https://[64:ff9b::808:808]/", { allow })).allowed).toBe(true);
    expect((await check("https://[64:ff9b::a00:1]/", { allow })).allowed).toBe(false);
    expect((await check("https://[64:ff9b::a00:1]/", { allow: [...allow, "10.0.0.0/8"] })).allowed).toBe(
      true,
    );
  });

  test.each([
    ["NAT64", (four: string) => `64:ff9b::${four}`],
    ["NAT64 of a network's own", (four: string) => `64:ff9b:1::${four}`],
    ["NAT64 of a network's own, further in", (four: string) => `64:ff9b:1:fffe::${four}`],
    ["translated", (four: string) => `::ffff:0:${four}`],
    ["compatible", (four: string) => `::${four}`],
    ["6to4", (four: string) => `2002:${four}::1`],
    ["a Teredo server", (four: string) => `2001:0:${four}:0:0:f7f7:f7f7`],
    ["a Teredo client", (four: string) => `2001:0:808:808:0:0:${inverted(four)}`],
    ["NAT64 behind a prefix of 48 bits", (four: string) => `64:ff9b:1:${behind(48, four)}`],
    ["NAT64 behind a prefix of 56 bits", (four: string) => `64:ff9b:1:${behind(56, four)}`],
    ["NAT64 behind a prefix of 64 bits", (four: string) => `64:ff9b:1:${behind(64, four)}`],
  ])("%s is judged by the address it carries, whatever else is allowed", async (_name, form) => {
    const allow = ["::/0"];
    const judge = async (four: string, more: string[] = []): Promise<boolean> =>
      (await check(`https://[${form(four)}]/`, { allow: [...allow, ...more] })).allowed;
    expect(await judge("808:808")).toBe(true);
    expect(await judge("7f00:1")).toBe(false);
    expect(await judge("a00:1")).toBe(false);
    expect(await judge("a00:1", ["10.0.0.0/8", "0.0.0.0/8"])).toBe(true);
    expect(await judge("a9fe:a9fe", ["0.0.0.0/0"])).toBe(false);
  });

  test("what has the form of a compatible address and is loopback stays loopback", async () => {
    expect((await check("https://[::1]/", { allow: ["::/0"] })).allowed).toBe(true);
  });

  test("an IPv4 range never opens IPv6, nor the other way round", async () => {
    expect((await check("https://[::1]/", { allow: ["0.0.0.0/0"] })).allowed).toBe(false);
    expect((await check("https://127.0.0.1/", { allow: ["::/0"] })).allowed).toBe(false);
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.1/16",
    "localhost",
    "",
    "::/129",
    "0x7f.1",
  ])("the range %j is refused as a setting", async (range) => {
    for (const setting of ["allow", "deny"]) {
      await expect(check("https://example.com/", { [setting]: [range] })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(`network.${setting}`),
      });
    }
  });
});

describe("names", () => {
  test("one forbidden address among public ones refuses the name, and all are reported", async () => {
    const { lookup } = fakeResolver({ "mixed.test": ["93.184.216.34", "10.0.0.1"] });
    const verdict = await checkUrl("https://mixed.test/", { lookup });
    expect(verdict).toEqual({
      allowed: false,
      reason:
        "mixed.test resolves to an address that is not called: 10.0.0.1 is not a public address (private) and is not listed in `network.allow`",
      addresses: ["93.184.216.34", "10.0.0.1"],
    });
  });

  test("a name that does not resolve, or to nothing, or to nonsense, is refused with a reason", async () => {
    const { lookup } = fakeResolver({ "empty.test": [], "odd.test": ["127.1"] });
    expect((await checkUrl("https://absent.test/", { lookup })).reason).toBe(
      "absent.test does not resolve (ENOTFOUND)",
    );
    expect(await checkUrl("https://empty.test/", { lookup })).toEqual({
      allowed: false,
      reason: "empty.test resolves to no address",
      addresses: [],
    });
    expect((await checkUrl("https://odd.test/", { lookup })).reason).toBe(
      "odd.test does not resolve (EBADRESP)",
    );
  });

  test.each([
    ["fails without a code", new Error("customer 4711"), "a.test does not resolve (EBADRESP)"],
    [
      "fails with a code that is no text",
      Object.assign(new Error(), { code: 4711 }),
      "a.test does not resolve (EBADRESP)",
    ],
    ["answers nothing at all", null, "a.test does not resolve (EBADRESP)"],
  ])("a resolver that %s refuses the name", async (_what, error, reason) => {
    const lookup = ((_name: string, _options: object, callback: (error: Error | null) => void) =>
      callback(error)) as unknown as NonNullable<NetworkOptions["lookup"]>;
    expect(await checkUrl("https://a.test/", { lookup })).toEqual({ allowed: false, reason, addresses: [] });
  });

  test("literals never reach the resolver, nor do names in a URL that is refused for itself", async () => {
    const { lookup, asked } = fakeResolver({ "a.test": ["93.184.216.34"] });
    await checkUrl("https://2130706433/", { lookup });
    expect(await checkUrl("https://a.test:0/", { lookup })).toEqual({
      allowed: false,
      reason: "Port 0 cannot be connected to",
      addresses: [],
    });
    expect(asked).toEqual([]);
  });

  test("what is no URL is refused as such", async () => {
    expect(await check("a.test/hook")).toEqual({
      allowed: false,
      reason: "This is not a URL",
      addresses: [],
    });
  });

  test("the machine's own resolver is the default", async () => {
    const verdict = await checkUrl("http://localhost:1/", { allow: ["127.0.0.0/8", "::1"] });
    expect(verdict.allowed).toBe(true);
    expect(verdict.addresses).not.toEqual([]);
  });
});

test("registration refuses, without resolving, what can be told from the URL alone", () => {
  expect(refuseLiteral(new URL("https://0x7f.1/"))).toContain("network.allow");
  expect(refuseLiteral(new URL("https://[::1]/"), { allow: ["::1"] })).toBeUndefined();
  expect(refuseLiteral(new URL("https://example.com:22/"), { ports: [443] })).toContain("network.ports");
  expect(refuseLiteral(new URL("https://user@example.com/"))).toContain("headers");
  expect(refuseLiteral(new URL("https://:password@example.com/"))).toContain("headers");
  expect(refuseLiteral(new URL("https://example.com:0/"))).toContain("Port 0");
  expect(refuseLiteral(new URL("ftp://1.1.1.1/"))).toContain("ftp:");
  expect(refuseLiteral(new URL("https://name-that-is-not-asked-for.test/"))).toBeUndefined();
});

test("ports can be restricted, the scheme's own included", async () => {
  const network = { ports: [443, 8443] };
  expect((await check("https://1.1.1.1/", network)).allowed).toBe(true);
  expect((await check("https://1.1.1.1:8443/", network)).allowed).toBe(true);
  expect((await check("https://1.1.1.1:22/", network)).reason).toBe(
    "Port 22 is not listed in `network.ports`",
  );
  expect((await check("https://1.1.1.1/", { ports: [8443] })).allowed).toBe(false);
  expect((await check("https://1.1.1.1/", { ports: [1, 443, 65_535] })).allowed).toBe(true);
  for (const port of [0, 65_536, 80.5]) {
    await expect(check("https://1.1.1.1/", { ports: [port] })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(`got \`${port}\``),
    });
  }
});

test("no verdict holds the user name or password of the URL", async () => {
  const verdict = await check("https://canary-user:canary-pass@1.1.1.1/canary-path");
  expect(verdict.allowed).toBe(false);
  expect(JSON.stringify(verdict)).not.toContain("canary");
});

function longestSequence(dns: Readonly<Record<string, string[] | string[][]>>): number {
  return Math.max(
    1,
    ...Object.values(dns).map((answers) => (Array.isArray(answers[0]) ? answers.length : 1)),
  );
}

/** Two groups with every bit turned over, as Teredo writes a client's address. */
function inverted(four: string): string {
  return four
    .split(":")
    .map((group) => (Number.parseInt(group, 16) ^ 0xffff).toString(16))
    .join(":");
}

/** What follows 48 bits where a prefix of so many bits comes before the four bytes, around the empty byte (RFC 6052). */
function behind(prefixBits: number, four: string): string {
  const hex = four
    .split(":")
    .map((group) => group.padStart(4, "0"))
    .join("");
  const before = (64 - prefixBits) / 4;
  const digits = "0".repeat((prefixBits - 48) / 4) + hex.slice(0, before) + "00" + hex.slice(before);
  return (digits.padEnd(20, "0").match(/.{4}/g) ?? []).join(":");
}
