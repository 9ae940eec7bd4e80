/**
 * Follows a streamed answer while its consumer reads it: never a piece faster, never a piece more.
 *
 * A consumer that throws inside `for await` cannot be told from one that breaks: the language calls `return()` for both.
 */
import type { Call } from "./call.ts";
import { keep, whenDropped } from "./dropped.ts";

type AnyIterator = AsyncIterator<unknown>;

/** The stream of both libraries: `tee()`, `toReadableStream()` and `for await` all begin at `iterator`. */
interface Stream {
  iterator: () => AnyIterator;
  readonly controller?: { readonly signal?: AbortSignal };
}

interface Reading {
  readonly signal?: AbortSignal | undefined;
  /** How many calls of `next` are open. */
  open: number;
}

const abortError = new DOMException("The stream was aborted by its consumer", "AbortError");

export function isStream(value: unknown): value is Stream {
  return isAsyncIterable(value) && typeof Reflect.get(value, "iterator") === "function";
}

export function isIterator(value: unknown): value is AnyIterator {
  return isAsyncIterable(value) && typeof Reflect.get(value, "next") === "function";
}

/** Hooks the first iterator; a second one only throws that the stream is consumed. */
export function followStream(stream: Stream, call: Call): void {
  const iterate = stream.iterator;
  const reading: Reading = { signal: stream.controller?.signal, open: 0 };
  let started = false;
  stream.iterator = function iterateWatched(): AnyIterator {
    const iterator = Reflect.apply(iterate, stream, []);
    keep(stream);
    if (!started) followIterator(iterator, call, reading);
    started = true;
    return iterator;
  };
  whenDropped(stream, call.abandoned);
  watchAbort(reading, call);
}

/** A function of its own: the signal lives longer than a stream that nobody reads, and must not reach it. */
function watchAbort(reading: Reading, call: Call): void {
  function aborted(): void {
    // During a read it may be the library itself that aborts, because the stream broke: the read will tell.
    if (reading.open === 0) call.failed(abortError);
  }
  reading.signal?.addEventListener("abort", aborted, { once: true });
}

/** Hooks an iterator in place, so that it stays the same object of the same class. */
export function followIterator(iterator: AnyIterator, call: Call, reading: Reading = { open: 0 }): void {
  function arrived(step: IteratorResult<unknown>): IteratorResult<unknown> {
    reading.open -= 1;
    if (step.done !== true) call.read(step.value);
    // The libraries end an aborted stream as if it were complete.
    else if (reading.signal?.aborted === true) call.failed(abortError);
    else call.completed();
    return step;
  }

  function broke(error: unknown): never {
    reading.open -= 1;
    call.failed(error);
    throw error;
  }

  whenDropped(iterator, call.abandoned);
  hook(iterator, "next", function nextWatched(proceed) {
    const step = proceed();
    if (!(step instanceof Promise)) return step;
    reading.open += 1;
    return step.then(arrived, broke);
  });
  hook(iterator, "return", function returnWatched(proceed) {
    call.abandoned();
    return proceed();
  });
  hook(iterator, "throw", function throwWatched(proceed, error) {
    call.failed(error);
    return proceed();
  });
}

function hook(
  iterator: AnyIterator,
  name: string,
  watched: (proceed: () => unknown, value: unknown) => unknown,
): void {
  const original: unknown = Reflect.get(iterator, name);
  if (typeof original !== "function") return;
  function value(...args: unknown[]): unknown {
    return watched(() => Reflect.apply(original as () => unknown, iterator, args), args[0]);
  }
  Reflect.defineProperty(iterator, name, { value, writable: true, configurable: true });
}

function isAsyncIterable(value: unknown): value is object {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
