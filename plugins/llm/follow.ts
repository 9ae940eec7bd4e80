/**
 * Follows the result of a call to its end without consuming it.
 *
 * OpenAI's and Anthropic's libraries send the request at once and return a promise that parses the body only when
 * somebody asks for it; `.then` would parse it too early and spoil `.asResponse()`. So the hooks sit inside that very
 * promise, and every continuation takes the place of what it continues: a rejection that nobody handles stays one.
 */
import { followResult } from "mova-webhooks/plugin";
import { followIterator, followStream, isIterator, isStream } from "./follow-stream.ts";
import type { Call } from "./call.ts";

/** The inside of the promise of both libraries, the same in openai 4 to 6 and Anthropic's 0.x and 1.x. */
interface ApiPromise {
  responsePromise: Promise<{ readonly response?: unknown } | undefined>;
  parseResponse: (...args: unknown[]) => unknown;
  asResponse: () => Promise<unknown>;
}

/** Returns the result; in place of an async function's plain promise, its continuation. */
export function follow(result: unknown, call: Call): unknown {
  if (isApiPromise(result)) {
    call.guarded(() => followApiPromise(result, call));
    return result;
  }
  return followResult(result, {
    returned: (value) => void followValue(value, call),
    threw: (error) => call.failed(error),
  });
}

function followValue(value: unknown, call: Call): unknown {
  call.guarded(() => {
    if (isStream(value)) return followStream(value, call);
    if (isIterator(value)) return followIterator(value, call);
    call.read(value);
    call.completed();
  });
  return value;
}

function followApiPromise(promise: ApiPromise, call: Call): void {
  const { responsePromise, parseResponse, asResponse } = promise;
  let parsing = false;

  promise.responsePromise = responsePromise.then(
    function answered(properties) {
      call.answered(properties?.response);
      return properties;
    },
    function refused(error: unknown) {
      call.failed(error);
      throw error;
    },
  );

  promise.parseResponse = async function parseWatched(...args: unknown[]): Promise<unknown> {
    parsing = true;
    let value: unknown;
    try {
      value = await Reflect.apply(parseResponse, promise, args);
    } catch (error) {
      call.failed(error);
      throw error;
    }
    return followValue(value, call);
  };

  // Whoever takes the raw response reads the body alone: for us the call ends here, unless its body is being parsed.
  function asResponseWatched(): Promise<unknown> {
    return Reflect.apply(asResponse, promise, []).then(function handedOver(response: unknown) {
      if (!parsing) call.completed();
      return response;
    });
  }
  Object.defineProperty(promise, "asResponse", {
    value: asResponseWatched,
    writable: true,
    configurable: true,
  });
}

function isApiPromise(value: unknown): value is ApiPromise {
  if (!(value instanceof Promise)) return false;
  const { responsePromise, parseResponse, asResponse } = value as Partial<ApiPromise>;
  return (
    responsePromise instanceof Promise &&
    typeof parseResponse === "function" &&
    typeof asResponse === "function"
  );
}
