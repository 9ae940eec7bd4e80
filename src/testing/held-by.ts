/** Finds what keeps the process from ending, of all that some code started, and of nothing else. */
import { createHook, executionAsyncId } from "node:async_hooks";
import { setTimeout } from "node:timers/promises";

/** A connection that is being made may be let go of once it is there: for so long it is looked again. */
const looks = { most: 50, everyMs: 20 };

/** Runs `start`, and what that returns at the end. Answers the kinds of what holds the process all the time between. */
export async function heldBy(start: () => () => void): Promise<string[]> {
  const started = new Map<number, { readonly kind: string; readonly resource: object }>();
  let isStarting = true;
  const hook = createHook({
    init(id, kind, _, resource) {
      if (isStarting || started.has(executionAsyncId())) started.set(id, { kind, resource });
    },
    destroy: (id) => void started.delete(id),
  }).enable();
  let end: (() => void) | undefined;
  try {
    end = start();
    isStarting = false;
    let held: string[] = [];
    for (let look = 0; look < looks.most; look += 1) {
      await setTimeout(looks.everyMs);
      held = [...started.values()].filter(({ resource }) => holds(resource)).map(({ kind }) => kind);
      if (held.length === 0) break;
    }
    return held;
  } finally {
    hook.disable();
    end?.();
  }
}

/** Timers and handles, such as sockets, tell. */
function holds(resource: object): boolean {
  return "hasRef" in resource && typeof resource.hasRef === "function" && resource.hasRef() === true;
}
