/** Finds what a piece of code started that keeps the process from ending. */
import { createHook, executionAsyncId } from "node:async_hooks";
import { sleep } from "../time/timers.ts";

/** A connection that is being made may be let go of once it is there: for so long it is looked again. */
const looks = { most: 50, everyMs: 20 };

export interface Started {
  /** Returns the kinds of what holds the process open and does not let go within a second. */
  held(): Promise<string[]>;
}

/**
 * Runs `start`, `look`, and what `start` returned. What still holds the process open then, holds it no longer: a test
 * that failed would keep its runner from ending.
 */
export async function watchStarted(
  start: () => () => void | Promise<void>,
  look: (started: Started) => void | Promise<void>,
): Promise<void> {
  const started = new Map<number, { readonly kind: string; readonly resource: object }>();
  let isStarting = true;
  const hook = createHook({
    init(id, kind, _, resource) {
      if (isStarting || started.has(executionAsyncId())) started.set(id, { kind, resource });
    },
    destroy: (id) => void started.delete(id),
  }).enable();
  const holding = () => [...started.values()].filter(({ resource }) => holds(resource));
  const held = async (): Promise<string[]> => {
    for (let count = 0; count < looks.most; count += 1) {
      await sleep(looks.everyMs);
      if (holding().length === 0) break;
    }
    return holding().map(({ kind }) => kind);
  };
  let end: (() => void | Promise<void>) | undefined;
  try {
    end = start();
    isStarting = false;
    await look({ held });
  } finally {
    isStarting = false;
    try {
      await end?.();
    } finally {
      // A server that was told to listen opens its socket a moment later.
      await sleep(looks.everyMs);
      hook.disable();
      for (const { resource } of holding()) letGo(resource);
    }
  }
}

/** Timers and handles, such as sockets, tell. */
function holds(resource: object): boolean {
  return "hasRef" in resource && typeof resource.hasRef === "function" && resource.hasRef() === true;
}

function letGo(resource: object): void {
  if ("unref" in resource && typeof resource.unref === "function") resource.unref();
}
