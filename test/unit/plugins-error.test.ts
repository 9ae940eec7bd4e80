/** The error plugin: one event per error object, and a crash that stays a crash. */
import { spawnSync } from "node:child_process";
import type { EventEmitter } from "node:events";
import { fileURLToPath } from "node:url";
import { error } from "mova-webhooks/plugins/error";
import { describe, expect, it } from "vitest";
import { collectingHost } from "../../src/testing/collecting-host.ts";

describe("what is reported", () => {
  it("becomes error.occurred with type, message and context", () => {
    const host = collectingHost(error());
    class PaymentError extends Error {}
    host.publish("error:reported", { error: new TypeError("wrong"), context: { component: "validator" } });
    host.publish("error:reported", { error: new PaymentError("declined") });
    host.publish("error:reported", { error: "a text" });
    host.publish("error:reported", { error: { card: "4111" } });
    host.publish("error:reported", { error: null });
    const types = host.drafts.map(({ type }) => type);
    expect(new Set(types)).toEqual(new Set(["error.occurred"]));
    expect(host.drafts.map(({ data }) => data)).toEqual([
      { error_type: "TypeError", error_message: "wrong", context: { component: "validator" } },
      { error_type: "PaymentError", error_message: "declined", context: {} },
      { error_type: "string", error_message: "a text", context: {} },
      { error_type: "object", error_message: "a thrown object", context: {} },
      { error_type: "object", error_message: "a thrown object", context: {} },
    ]);
  });

  it("is one event per error object, but as many as there are objects or texts", () => {
    const host = collectingHost(error());
    const same = new Error("same");
    for (const happened of [same, same, new Error("same"), "text", "text"]) {
      host.publish("error:reported", { error: happened });
    }
    expect(host.drafts).toHaveLength(4);
  });

  it("cuts a long message", () => {
    const host = collectingHost(error());
    host.publish("error:reported", { error: new Error("m".repeat(10_000)) });
    expect(host.drafts[0]?.data).toHaveProperty("error_message", `${"m".repeat(1999)}…`);
  });
});

describe("what nobody caught", () => {
  it.each([
    ["an uncaught exception", `setImmediate(() => { throw new RangeError("boom"); });`, "uncaughtException"],
    ["an unhandled rejection", `Promise.reject(new RangeError("boom"));`, "unhandledRejection"],
  ])("makes %s an event, with the exit code and stderr of a run without us", (_, crash, origin) => {
    const without = run(crash, "leave alone");
    const attached = run(crash, "attach");
    expect([without.status, without.drafts]).toEqual([1, "[]"]);
    expect(without.stderr).toContain("RangeError: boom");
    expect([attached.status, attached.stderr]).toEqual([without.status, without.stderr]);
    expect(JSON.parse(attached.drafts)).toEqual([
      {
        type: "error.occurred",
        data: { error_type: "RangeError", error_message: "boom", context: { origin, fatal: true } },
        fatal: true,
      },
    ]);
  });

  it("is not what the program handles itself", () => {
    const handling = `process.on("unhandledRejection", () => {}); Promise.reject(new Error("handled"));`;
    expect(run(handling, "attach")).toEqual({ status: 0, stderr: "", drafts: "[]" });
  });

  it("leaves the process alone once detached", () => {
    const host = collectingHost(error());
    const detach = host.attach();
    const crash = (error: Error): boolean =>
      (process as EventEmitter).emit("uncaughtExceptionMonitor", error, "uncaughtException");
    crash(new Error("seen"));
    detach();
    crash(new Error("unseen"));
    expect(host.drafts.map(({ data }) => (data as { error_message: string }).error_message)).toEqual([
      "seen",
    ]);
  });

  it("is heard by each of many managers through one listener: Node warns of more than ten", () => {
    const before = process.listenerCount("uncaughtExceptionMonitor");
    const hosts = Array.from({ length: 11 }, () => collectingHost(error()));
    const detaches = hosts.map((host) => host.attach());
    expect(process.listenerCount("uncaughtExceptionMonitor")).toBe(before + 1);
    (process as EventEmitter).emit("uncaughtExceptionMonitor", new Error("seen"), "uncaughtException");
    expect(hosts.map(({ drafts }) => drafts.length)).toEqual(Array(11).fill(1));
    for (const detach of detaches) detach();
    expect(process.listenerCount("uncaughtExceptionMonitor")).toBe(before);
  });
});

/** Runs a program in a process of its own, with the sources under the package's public names. */
function run(
  program: string,
  plugin: "attach" | "leave alone",
): { status: number | null; stderr: string; drafts: string } {
  const root = new URL("../../", import.meta.url);
  const sources = {
    "mova-webhooks/plugin": new URL("src/plugin/contract.ts", root).href,
    "mova-webhooks/plugins/error": new URL("plugins/error/index.ts", root).href,
  };
  const hooks = `const sources = ${JSON.stringify(sources)};
    export const resolve = (name, context, next) => next(sources[name] ?? name, context);`;
  const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hooks)}");`;
  const whole = `
    import { writeSync } from "node:fs";
    import { error } from "mova-webhooks/plugins/error";
    import { collectingHost } from ${JSON.stringify(new URL("src/testing/collecting-host.ts", root).href)};
    const host = collectingHost(error());
    if (process.argv[1] === "attach") host.attach();
    process.on("exit", () => writeSync(3, JSON.stringify(host.drafts)));
    ${program}`;
  const imports = ["--import", "tsx", "--import", `data:text/javascript,${encodeURIComponent(register)}`];
  const child = spawnSync(process.execPath, [...imports, "--input-type=module", "--eval", whole, plugin], {
    cwd: fileURLToPath(root),
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  return { status: child.status, stderr: child.stderr, drafts: String(child.output[3] ?? "") };
}
