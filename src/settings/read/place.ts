/** Where in the file a setting stands. */
import type { Node, YAMLMap } from "yaml";
import { writePath } from "../check.ts";
import type { Path } from "../setting.ts";

export interface Place {
  /** Of the value; for one that is missing, of the mapping that lacks it. */
  readonly offset: number;
  readonly keyOffset: number;
  readonly missing: boolean;
}

/** Takes the yaml module as an argument, because it is loaded late. */
export function findPlace(yaml: typeof import("yaml"), section: YAMLMap, path: Path): Place {
  let node: unknown = section;
  let keyOffset = 0;
  for (const step of path) {
    const parent = node;
    if (yaml.isMap(parent)) {
      const pair = parent.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return { offset: startOf(parent) ?? keyOffset, keyOffset, missing: true };
      keyOffset = startOf(pair.key) ?? keyOffset;
      node = pair.value;
    } else if (yaml.isSeq(parent)) {
      node = parent.items[Number(step)];
    }
  }
  return { offset: startOf(node) ?? keyOffset, keyOffset, missing: false };
}

/** Writes a path as `webhook.endpoints[0].url`. */
export function nameOf(path: Path): string {
  return writePath(path, "webhook");
}

/** Returns where a node starts; the start of the file for what has no place. */
export function offsetOf(node: unknown): number {
  return startOf(node) ?? 0;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
