import { describe, expect, it } from "vitest";
import { redactData } from "../../src/plugin/redact.ts";
import { check } from "../../src/settings/check.ts";
import { redact as redactSetting } from "../../src/settings/plugin-use.ts";

describe("redact rules", () => {
  const data = {
    user: { email: "a@example.com", name: "A" },
    email: "b@example.com",
    orders: [{ card: { number: "4111" } }, { card: { number: "4222" } }],
  };

  it("hide a key wherever it stands, and touch nothing else", () => {
    expect(redactData(["email"], data, "x.y")).toEqual({
      ...data,
      user: { email: "[redacted]", name: "A" },
      email: "[redacted]",
    });
  });

  it("hide a path from the top, through lists", () => {
    expect(redactData(["user.email", "orders.card.number", "no.such.path"], data, "x.y")).toEqual({
      ...data,
      user: { email: "[redacted]", name: "A" },
      orders: [{ card: { number: "[redacted]" } }, { card: { number: "[redacted]" } }],
    });
  });

  it("hide whole objects", () => {
    expect(redactData(["user"], data, "x.y")).toEqual({ ...data, user: "[redacted]" });
  });

  it("leave the component's own objects as they are", () => {
    const before = structuredClone(data);
    redactData(["email", "orders.card.number"], data, "x.y");
    redactData(() => ({}), data, "x.y");
    expect(data).toEqual(before);
  });

  it("see what would be stored: what `toJSON` and getters answer", () => {
    class Account {
      get password(): string {
        return "secret";
      }
      toJSON(): object {
        return { password: this.password, id: 1 };
      }
    }
    expect(redactData(["password"], { account: new Account() }, "x.y")).toEqual({
      account: { password: "[redacted]", id: 1 },
    });
  });

  it("may be a function of data and type", () => {
    expect(redactData((given, type) => ({ type, keys: Object.keys(given as object) }), data, "x.y")).toEqual({
      type: "x.y",
      keys: ["user", "email", "orders"],
    });
  });

  it("that answer later are refused, whatever becomes of the answer", () => {
    const later = async (): Promise<never> => Promise.reject(new Error("later"));
    expect(() => redactData(later, data, "x.y")).toThrow(/`redact` to be a function that answers at once/);
  });

  it("are not fooled by names of the prototype, and take data that is nothing", () => {
    expect(redactData(["constructor.name", "__proto__"], { a: 1 }, "x.y")).toEqual({ a: 1 });
    expect(redactData(["a"], undefined, "x.y")).toEqual({});
  });

  it.each([
    [
      "password",
      '`redact` of plugin `cache` to be a list of keys and paths, or a function, got `"password"`',
    ],
    [null, "got null"],
    [{ password: true }, "got an object"],
    [["password", 5], "`redact[1]` of plugin `cache` to be a key or a path"],
    [[""], 'such as password or context.user.email, got `""`'],
    [["user..email"], "`redact[0]`"],
    [["user."], "`redact[0]`"],
  ])("that could hide nothing are refused: %j", (redact, message) => {
    const refused = (): unknown => check("plugin `cache`", redactSetting, redact, { at: "redact" });
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});
