/**
 * Follows the result of a call to its end without consuming it.
 *
 * OpenAI's and Anthropic's libraries send the request at once and return a promise that parses the body only when
 * somebody asks for it; `.then` would parse it too early and spoil `.asResponse()`. So the hooks sit inside that very
 * promise.
 */
import { followResult } from "mova-webhooks/plugin";
import { whenDropped } from "./dropped.ts";
import { followIterator, followStream, isIterator, isStream } from "./follow-stream.ts";
import type { Call } from "./call.ts";

/** The inside of the promise of both libraries, the same in openai 4 to 7 and Anthropic's 0.x and 1.x. */
interface ApiPromise {
  responsePromise: Promise<Answered>;
  parseResponse: (...args: unknown[]) => unknown;
  asResponse: () => Promise<unknown>;
  _thenUnwrap: (transform: Transform) => unknown;
}

type Answered = { readonly response?: unknown } | undefined;
type Transform = (value: unknown, ...rest: unknown[]) => unknown;

/**
 * Hears of one call from everything that its library makes of it: the response, and the promises that lead to its value.
 * Creates no promise that somebody else's handlers do not cover: a rejection that was handled stays handled, whoever
 * else wraps the call, and one that nobody handles stays one.
 */
export class Following {
  readonly #call: Call;
  readonly #watched = new WeakSet<object>();
  #hearsResponse = false;
  /** How many of the call's promises the program may still use. */
  #held = 0;
  #isAnswered = false;
  /** The body is being parsed, or somebody took the raw response. */
  #parsing = false;
  #isTaken = false;
  #hasValue = false;

  constructor(call: Call) {
    this.#call = call;
  }

  /** Takes the place of the response that nobody else holds yet: only so can it listen without handling. */
  response(sent: unknown): unknown {
    if (!(sent instanceof Promise) || this.#hearsResponse) return sent;
    this.#hearsResponse = true;
    return sent.then(this.#answered, (error: unknown) => {
      this.#call.failed(error);
      throw error;
    });
  }

  /** Returns the result of the call; in place of an async function's plain promise, its continuation. */
  result(result: unknown): unknown {
    if (isApiPromise(result)) {
      this.#call.guarded(() => {
        this.promise(result);
        // Others may hold it already: a continuation would be one more promise, which nobody handles.
        if (!this.#hearsResponse) result.responsePromise.then(this.#answered, this.#call.failed);
      });
      return result;
    }
    if (this.#hearsResponse) return result;
    return followResult(result, { returned: (value) => void this.#value(value), threw: this.#call.failed });
  }

  /** Watches one of the promises that the library makes for the call. */
  promise(promise: unknown): void {
    if (!isApiPromise(promise) || this.#watched.has(promise)) return;
    this.#watched.add(promise);
    this.#hold(promise);
    const { parseResponse, asResponse, _thenUnwrap } = promise;

    promise.parseResponse = async (...args: unknown[]): Promise<unknown> => {
      this.#parsing = true;
      let value: unknown;
      try {
        value = await Reflect.apply(parseResponse, promise, args);
      } catch (error) {
        this.#call.failed(error);
        throw error;
      }
      return this.#value(value);
    };

    // Whoever takes the raw response reads the body alone: for us the call ends here, unless its body is being parsed.
    replace(promise, "asResponse", () => {
      this.#isTaken = true;
      return Reflect.apply(asResponse, promise, []).then((response: unknown) => {
        if (!this.#parsing) this.#call.completed();
        return response;
      });
    });

    if (typeof _thenUnwrap !== "function") return;
    replace(promise, "_thenUnwrap", (transform: Transform) => {
      const transformWatched: Transform = (value, ...rest) => transform(this.#value(value), ...rest);
      const made = Reflect.apply(_thenUnwrap, promise, [transformWatched]);
      this.promise(made);
      return made;
    });
  }

  /** A function of its own: what is kept until the promise is dropped must not reach the promise. */
  #hold(promise: object): void {
    this.#held += 1;
    whenDropped(promise, () => {
      this.#held -= 1;
      this.#endIfDropped();
    });
  }

  readonly #answered = (answered: Answered): Answered => {
    this.#call.answered(answered?.response);
    this.#isAnswered = true;
    this.#endIfDropped();
    return answered;
  };

  /** A request that nobody waits for may still fail, and then tells so. */
  #endIfDropped(): void {
    if (this.#held === 0 && this.#isAnswered && !this.#parsing && !this.#isTaken) this.#call.abandoned();
  }

  #value(value: unknown): unknown {
    if (this.#hasValue) return value;
    this.#hasValue = true;
    const call = this.#call;
    call.guarded(() => {
      if (isStream(value)) return followStream(value, call);
      if (isIterator(value)) return followIterator(value, call);
      call.read(value);
      call.completed();
    });
    return value;
  }
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

/** Turns up in the keys of the object only where it did before. */
function replace(owner: object, name: string, value: unknown): void {
  const enumerable = Object.getOwnPropertyDescriptor(owner, name)?.enumerable ?? false;
  Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable });
}
