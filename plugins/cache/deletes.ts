/** Finds out which keys of a list were there, where the cache only says whether all of them were. */
import { patchMethod, type PluginHost } from "mova-webhooks/plugin";

/** What the store returned for each key in the synchronous run in which a list is deleted. */
const listening = new WeakMap<object, unknown[]>();

/** Reads what deleting a list returned: for each key, whether it was deleted. Never rejects. */
type Deleted = (returned: unknown, count: number) => Promise<readonly boolean[]>;

/** Listens to a store that the keys of a list are now deleted from, one after the other. */
export function deletesOf(store: unknown, host: PluginHost): Deleted {
  const results: unknown[] = [];
  if (typeof store === "object" && store !== null) {
    patchMethod(store, "delete", host, (original) => new Proxy(original, { apply: deleteWatched }));
    listening.set(store, results);
    void Promise.resolve().then(() => listening.delete(store));
  }
  return async (returned, count) => {
    if (Array.isArray(returned)) return returned.map((each) => each === true);
    if (returned !== false) return Array.from({ length: count }, () => true);
    if (results.length !== count) return [];
    const settled = await Promise.allSettled(results);
    return settled.map((result) => result.status === "fulfilled" && result.value === true);
  };
}

function deleteWatched(target: (...given: never) => unknown, store: object, given: never[]): unknown {
  const result: unknown = Reflect.apply(target, store, given);
  listening.get(store)?.push(result);
  return result;
}
