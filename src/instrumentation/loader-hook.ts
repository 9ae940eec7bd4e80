/** The loader hook of import-in-the-middle, for programs that register it too: both work, and neither warns of the other. */
interface LoaderHook {
  readonly initialize: (data: unknown) => Promise<void>;
  readonly load: unknown;
  readonly resolve: unknown;
}

/** Loaded by its URL, which this module's own query holds: only others depend on that copy. */
const hook = (await import(new URL(import.meta.url).searchParams.get("of") ?? "")) as LoaderHook;
export const { load, resolve } = hook;

const mark = "__import_in_the_middle_initialized__";

export async function initialize(data: unknown): Promise<void> {
  const marked: unknown = Reflect.get(globalThis, mark);
  Reflect.deleteProperty(globalThis, mark);
  await hook.initialize(data);
  Reflect.set(globalThis, mark, marked);
}
