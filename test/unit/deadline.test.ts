/** A deadline on a promise: on time, late, and what is left behind. */
import { describe, expect, it } from "vitest";
import { withDeadline } from "../../src/time/deadline.ts";

const never = new Promise<never>(() => undefined);
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("a deadline", () => {
  it("leaves what is on time as it is, and no timer", async () => {
    const before = timers();
    await expect(withDeadline(Promise.resolve(1), 60_000, () => 2)).resolves.toBe(1);
    await expect(withDeadline(Promise.reject(new Error("own")), 60_000, () => 2)).rejects.toThrow("own");
    expect(timers()).toBe(before);
  });

  it("answers for what is late with a value or an error", async () => {
    await expect(withDeadline(never, 1, () => "late")).resolves.toBe("late");
    const refuse = (): never => {
      throw new Error("late");
    };
    await expect(withDeadline(never, 1, refuse)).rejects.toThrow("late");
  });

  it("may be farther away than a timer of Node's reaches", async () => {
    const endless = withDeadline(never, Number.POSITIVE_INFINITY, () => "late");
    const soon = withDeadline(never, 20, () => "soon");
    await expect(Promise.race([endless, soon])).resolves.toBe("soon");
  });

  it("keeps a rejection that comes too late from ending the process", async () => {
    let fail: (error: Error) => void = () => undefined;
    const failing = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(withDeadline(failing, 1, () => "late")).resolves.toBe("late");
    const unhandled: unknown[] = [];
    const hear = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", hear);
    fail(new Error("nobody's"));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(unhandled).toEqual([]);
  });
});
