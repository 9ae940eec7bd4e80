/** What messages and records may show of URLs and of texts that strangers wrote. */
import { describe, expect, it } from "vitest";
import { createRedactor, originOf } from "../../src/security/redact.ts";

describe("of a URL", () => {
  it.each([
    ["https://user:pass@example.com/secret/path?token=1#x", "https://example.com"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
    ["not a URL with a token", "[not a URL]"],
  ])("%j only %j is shown", (url, shown) => {
    expect(originOf(url)).toBe(shown);
  });
});

describe("of a text", () => {
  it("what is confidential is hidden wherever it stands, also where a part of it is confidential itself", () => {
    const redact = createRedactor(["password", "password-of-eight", "password"]);
    expect(redact("password, password-of-eight and password-of")).toBe("[secret], [secret] and [secret]-of");
  });

  it("words of less than four characters stay: they would be found everywhere", () => {
    expect(createRedactor(["abc", "four"])("abc four")).toBe("abc [secret]");
  });

  const confidential = `p"ss w/rd&<'é+%41\\x`;
  const encodings: Readonly<Record<string, (text: string) => string>> = {
    "as it is": (text) => text,
    "in a URL": encodeURIComponent,
    "in a URL, in small letters": (text) =>
      encodeURIComponent(text).replace(/%../g, (each) => each.toLowerCase()),
    "in a URL, twice": (text) => encodeURIComponent(encodeURIComponent(text)),
    "in a form": (text) => new URLSearchParams({ a: text }).toString().slice(2),
    "in JSON": (text) => JSON.stringify(text).slice(1, -1),
    "in JSON in JSON": (text) => JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1),
    "in JSON of ASCII": (text) =>
      text.replace(/[^]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`),
    "in JSON, with slashes escaped": (text) => JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
    "in HTML, by names": (text) =>
      text
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&apos;"),
    "in HTML, by numbers": (text) => text.replace(/[^]/g, (each) => `&#${each.charCodeAt(0)};`),
    "in HTML, by hex numbers": (text) =>
      text.replace(/[^]/g, (each) => `&#x${each.charCodeAt(0).toString(16)};`),
    "in base64": (text) => Buffer.from(text).toString("base64"),
    "in base64 for URLs": (text) => Buffer.from(text).toString("base64url"),
    "in hex": (text) => Buffer.from(text).toString("hex"),
  };

  it.each(Object.entries(encodings))("what is confidential is hidden %s", (_how, encode) => {
    const shown = createRedactor([confidential])(`Got ${encode(confidential)}, with 100% of é & "more".`);
    expect(shown).toMatch(/^Got \[secret\].{0,4}, with 100% of é & "more"\.$/);
  });

  it("is hidden in base64 also where more was encoded with it", () => {
    for (const before of ["", "a", "ab"]) {
      const shown = createRedactor(["the-password"])(
        Buffer.from(`${before}the-password:`).toString("base64"),
      );
      expect(shown).toMatch(/^.{0,3}\[secret\].{0,4}$/);
    }
  });

  it("is hidden to the cut where a long one was cut off", () => {
    const long = Array.from({ length: 100 }, (_, number) => `${number}-token`).join("");
    expect(createRedactor([long])(long.slice(0, 300))).toBe("[secret]");
  });
});
