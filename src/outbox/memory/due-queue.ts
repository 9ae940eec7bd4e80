/** A binary heap of waiting deliveries, longest due first, equal due times in the order they were stored. */

export interface Waiting {
  readonly dueAt: number;
  /** Position in the order of storing. */
  readonly sequence: number;
}

export class DueQueue<Item extends Waiting> {
  readonly #heap: Item[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Item | undefined {
    return this.#heap[0];
  }

  push(item: Item): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Item;
      if (!isBefore(item, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = item;
  }

  pop(): Item | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= heap.length) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && isBefore(right, heap[childIndex] as Item)) childIndex += 1;
      const child = heap[childIndex] as Item;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
    return first;
  }

  /** Empties the queue; the items come in no particular order. */
  drain(): Item[] {
    return this.#heap.splice(0);
  }
}

function isBefore(left: Waiting, right: Waiting): boolean {
  return left.dueAt < right.dueAt || (left.dueAt === right.dueAt && left.sequence < right.sequence);
}
