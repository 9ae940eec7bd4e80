/** What it costs a component to be watched when nobody wants its events. */
import { WebhookManager } from "mova-webhooks";
import { cache } from "mova-webhooks/plugins";
import { Ajv } from "ajv";
import { validation } from "mova-webhooks/plugins";
import { type Row, series } from "./measure.ts";

const rounds = 9;

/** Microseconds a call, the median of several rounds after a warm-up. */
function microseconds(count: number, call: () => unknown): number {
  const runs = Array.from({ length: rounds + 1 }, () => {
    const startedAt = performance.now();
    for (let n = 0; n < count; n += 1) call();
    return ((performance.now() - startedAt) * 1000) / count;
  });
  return series(runs.slice(1)).median;
}

export async function calls(): Promise<Row[]> {
  const endpoints = [
    { url: "https://example.com", secret: "a secret of enough bytes", eventTypes: ["error.occurred"] },
  ];
  const manager = new WebhookManager({ config: false, plugins: [cache(), validation()], endpoints });
  const happened = { key: "a", operation: "set", library: "bench" } as never;
  const publish = microseconds(1_000_000, () => manager.bus.publish("cache:updated", happened));

  const schema = { type: "object", required: ["a"], properties: { a: { type: "number" } } };
  const document = { a: 1 };
  const bareValidate = new Ajv().compile(schema);
  const watchedValidate = manager.instrument(new Ajv()).compile(schema);
  const bare = microseconds(200_000, () => bareValidate(document));
  const watched = microseconds(200_000, () => watchedValidate(document));

  const bareMap = new Map<string, number>();
  const plain = {
    get: (key: string) => bareMap.get(key),
    set: (key: string, value: number) => bareMap.set(key, value),
    delete: () => true,
    clear: () => undefined,
  };
  const bareSet = microseconds(200_000, () => plain.set("a", 1));
  const watchedCache = manager.instrument({ ...plain });
  const watchedSet = microseconds(200_000, () => watchedCache.set("a", 1));
  await manager.close();
  return [
    { name: "publish on the bus when nobody listens", value: publish, unit: "µs", bound: { atMost: 1 } },
    {
      name: "an instrumented call when no endpoint wants its events, Ajv",
      value: watched - bare,
      unit: "µs more",
      bound: { atMost: 2 },
      note: `${bare.toFixed(3)} µs without, ${watched.toFixed(3)} µs with`,
    },
    {
      name: "the same, a cache manager's set",
      value: watchedSet - bareSet,
      unit: "µs more",
      bound: { atMost: 2 },
      note: `${bareSet.toFixed(3)} µs without, ${watchedSet.toFixed(3)} µs with`,
    },
  ];
}
