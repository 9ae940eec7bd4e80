import { describe, expect, it } from "vitest";
import { Bus } from "../../src/bus/bus.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "test:happened": { readonly n: number };
  }
}

describe("the bus", () => {
  it("tells every listener in the order they came, synchronously", () => {
    const bus = new Bus(() => undefined);
    const heard: string[] = [];
    bus.on("test:happened", ({ n }) => heard.push(`first ${n}`));
    bus.on("test:happened", ({ n }) => heard.push(`second ${n}`));
    bus.publish("test:happened", { n: 1 });
    expect(heard).toEqual(["first 1", "second 1"]);
  });

  it("keeps a listener that throws from the others and from the component, and names it", () => {
    const failures: unknown[] = [];
    const bus = new Bus((failure) => failures.push(failure));
    const heard: number[] = [];
    const error = new Error("listener's own");
    bus.on(
      "test:happened",
      () => {
        throw error;
      },
      "orders",
    );
    bus.on("test:happened", ({ n }) => heard.push(n));
    bus.publish("test:happened", { n: 7 });
    expect(heard).toEqual([7]);
    expect(failures).toEqual([{ owner: "orders", topic: "test:happened", error }]);
  });

  it("hears of an asynchronous listener that fails, too", async () => {
    const failures: unknown[] = [];
    const bus = new Bus((failure) => failures.push(failure));
    const error = new Error("listener's own");
    const listen: () => unknown = () => Promise.reject(error);
    bus.on("test:happened", listen, "orders");
    bus.publish("test:happened", { n: 7 });
    await Promise.resolve();
    expect(failures).toEqual([{ owner: "orders", topic: "test:happened", error }]);
  });

  it("knows whether anybody listens, also after the last one left", () => {
    const bus = new Bus(() => undefined);
    expect(bus.has("test:happened")).toBe(false);
    const stop = bus.on("test:happened", () => undefined);
    expect(bus.has("test:happened")).toBe(true);
    stop();
    stop();
    expect(bus.has("test:happened")).toBe(false);
  });

  it("lets a listener leave while it is told", () => {
    const bus = new Bus(() => undefined);
    const heard: string[] = [];
    const stop = bus.on("test:happened", () => {
      heard.push("once");
      stop();
    });
    bus.on("test:happened", () => heard.push("always"));
    bus.publish("test:happened", { n: 1 });
    bus.publish("test:happened", { n: 2 });
    expect(heard).toEqual(["once", "always", "always"]);
  });
});
