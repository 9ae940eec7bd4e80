/** The loader hook for Node without hooks in the program's own thread. */
import { type LoaderHook, ownHook } from "./own-hook.ts";

/** Loaded by its URL, which is in the query of this module's: it is a copy that only others depend on. */
const hook = await ownHook(new URL(import.meta.url).searchParams.get("of") ?? "");
export const load: LoaderHook["load"] = hook.load;
export const resolve: LoaderHook["resolve"] = hook.resolve;

const mark = "__import_in_the_middle_initialized__";

/** Programs may register the hook of import-in-the-middle too: both work, and neither warns of the other. */
export async function initialize(data: unknown): Promise<void> {
  const marked: unknown = Reflect.get(globalThis, mark);
  Reflect.deleteProperty(globalThis, mark);
  await hook.initialize(data);
  Reflect.set(globalThis, mark, marked);
}
