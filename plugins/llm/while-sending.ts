/** Finds the promises that a library makes for a call while it sends the request, before anybody else has them. */
import { patchMethod, type PluginHost } from "mova-webhooks/plugin";
import { objectAt } from "./fields.ts";
import type { Following } from "./follow.ts";

type Method = (...args: never) => unknown;

/** The calls that are sending at this moment, each until its request is found. */
type Sending = WeakMap<object, Following | undefined>;

const sendingByHost = new WeakMap<PluginHost, Sending>();

/** The methods of a client that send a request: some versions have one more between the promise and the first try. */
const senders = ["makeRequest", "makeTracedRequest"];

/** Runs a method of `resource`, which sends its request through its client before it returns. */
export function whileSending<Result>(
  resource: unknown,
  following: Following,
  host: PluginHost,
  run: () => Result,
): Result {
  const client = objectAt(Object(resource) as object, "_client");
  if (client === undefined) return run();
  const sending = sendingOf(host);
  if (!sending.has(client)) watchClient(client, sending, host);
  const before = sending.get(client);
  sending.set(client, following);
  try {
    return run();
  } finally {
    sending.set(client, before);
  }
}

function watchClient(client: object, sending: Sending, host: PluginHost): void {
  type Run = (...given: readonly unknown[]) => unknown;
  function watch(
    name: string,
    watched: (following: Following, run: Run, args: readonly unknown[]) => unknown,
  ): void {
    patchMethod(client, name, host, (original) => {
      function apply(target: Method, self: unknown, args: unknown[]): unknown {
        const following = self === client ? sending.get(client) : undefined;
        if (following === undefined) return Reflect.apply(target, self, args);
        const run: Run = (...given) => Reflect.apply(target, self, given as never[]);
        return watched(following, run, args);
      }
      return new Proxy(original, { apply });
    });
  }

  for (const name of senders) {
    watch(name, (following, run, args) => following.response(run(...args)));
  }
  watch("request", (following, run, args) => {
    const promise = run(...args);
    following.promise(promise);
    return promise;
  });
  // openai 7 makes all its promises of one request here.
  watch("responsePromise", (following, run, [request, ...rest]) => {
    const promise = run(following.response(request), ...rest);
    following.promise(promise);
    return promise;
  });
}

function sendingOf(host: PluginHost): Sending {
  const known = sendingByHost.get(host);
  if (known !== undefined) return known;
  const sending: Sending = new WeakMap();
  sendingByHost.set(host, sending);
  return sending;
}
