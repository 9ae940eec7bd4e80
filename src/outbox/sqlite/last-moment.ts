/** The end of a process: what SQLite's threads were sent is committed before the process and its threads are gone. */

const outboxes = new Set<() => void>();

function finishAll(): void {
  for (const finish of outboxes) {
    try {
      finish();
    } catch {
      // It was never accepted, and the process is ending for a reason of its own.
    }
  }
}

/** Has `finish` called when the process ends, however it does, but by a signal. The returned function ends that. */
export function atProcessEnd(finish: () => void): () => void {
  // One listener for all: Node would warn of a leak if each of many outboxes had its own.
  if (outboxes.size === 0) process.on("exit", finishAll);
  outboxes.add(finish);
  return () => {
    outboxes.delete(finish);
    if (outboxes.size === 0) process.off("exit", finishAll);
  };
}
