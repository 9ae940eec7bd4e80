/**
 * A hook of import-in-the-middle that serves this package alone: a module that is hooked for us is not hooked for other
 * instrumentations, whose patches for ES modules the program did not ask for.
 */
interface Resolved {
  readonly url: string;
}

type Resolve = (specifier: string, context: object, next: NextResolve) => Resolved | Promise<Resolved>;
type NextResolve = (specifier: string, context?: object) => Resolved | Promise<Resolved>;
type Load = (url: string, context: object, next: unknown) => unknown;

export interface LoaderHook {
  initialize(data: unknown): Promise<void>;
  applyOptions(options: object): void;
  readonly resolve: Resolve;
  readonly load: Load;
  readonly resolveSync: Resolve;
  readonly loadSync: Load;
}

interface HookMaker {
  readonly createHook: (meta: { readonly url: string }) => LoaderHook;
}

/** What the hook appends to the URL of a module that it wraps. */
const isWrapped = (url: string): boolean => /[?&]iitm=/.test(url);

/** `of` is the URL of the copy of import-in-the-middle whose hooks the instrumentation registers. */
export async function ownHook(of: string): Promise<LoaderHook> {
  const { createHook } = (await import(new URL("create-hook.mjs", of).href)) as HookMaker;
  // Wrappers import `lib/register.js` from beside this URL: here it is ours.
  const own = createHook({ url: new URL("hook.mjs", import.meta.url).href });
  const shared = createHook({ url: new URL("hook.mjs", of).href });
  /** Wrapped because of us: whatever else was wrapped is for all who hook modules. */
  const ours = new Set<string>();

  function resolving(resolve: Resolve): Resolve {
    return (specifier, context, next) => {
      let theirs = false;
      const note = (resolved: Resolved): Resolved => {
        theirs = isWrapped(resolved.url);
        return resolved;
      };
      const keep = (resolved: Resolved): Resolved => {
        if (!theirs && isWrapped(resolved.url)) ours.add(resolved.url);
        return resolved;
      };
      const noting: NextResolve = (...given) => then(next(...given), note);
      return then(resolve(specifier, context, noting), keep);
    };
  }

  return {
    initialize: (data) => own.initialize(data),
    applyOptions: (options) => own.applyOptions(options),
    resolve: resolving(own.resolve),
    resolveSync: resolving(own.resolveSync),
    load: (url, ...rest) => (isWrapped(url) && !ours.has(url) ? shared : own).load(url, ...rest),
    loadSync: (url, ...rest) => (isWrapped(url) && !ours.has(url) ? shared : own).loadSync(url, ...rest),
  };
}

function then<Value>(value: Value | Promise<Value>, change: (value: Value) => Value): Value | Promise<Value> {
  return value instanceof Promise ? value.then(change) : change(value);
}
