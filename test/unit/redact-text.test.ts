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

  it("words of less than eight characters stay: they would be found everywhere", () => {
    expect(createRedactor(["seven77", "eight888"])("seven77 eight888")).toBe("seven77 [secret]");
  });
});
