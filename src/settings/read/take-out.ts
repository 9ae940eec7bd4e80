/** Takes what is wrong out of a section, so that the rest of it can be checked too. */
import type { YAMLMap } from "yaml";
import type { Path, Problem } from "../setting.ts";
import { findPlace, nameOf } from "./place.ts";

type Yaml = typeof import("yaml");

/**
 * Takes what is wrong out of the section, and names its keys; the nodes that stay keep their places. Returns whether
 * there was anything to take out.
 */
export function takeOut(
  yaml: Yaml,
  section: YAMLMap,
  problems: readonly Problem[],
  leftOut: Set<string>,
): boolean {
  const wrong = problems.map(({ path }) => present(section, path));
  const paths = new Map(wrong.map((path) => [nameOf(path), path]));
  paths.delete(nameOf([]));
  for (const path of [...paths.values()].sort(lastFirst)) {
    const keys = path.filter((step) => typeof step === "string");
    for (const index of keys.keys()) leftOut.add(keys.slice(0, index + 1).join("."));
    if (isEndpointUrl(path)) section.setIn(path, standInUrl(findPlace(yaml, section, path).offset));
    else section.deleteIn(path);
  }
  return paths.size > 0;
}

/** The path itself, or where nothing stands there, the nearest above it; an endpoint's URL gets a stand-in. */
function present(section: YAMLMap, path: Path): Path {
  const stays = path.length === 0 || section.hasIn(path) || isEndpointUrl(path);
  return stays ? path : present(section, path.slice(0, -1));
}

function isEndpointUrl(path: Path): boolean {
  return path.length === 3 && path[0] === "endpoints" && path[2] === "url";
}

const standInHost = ".unread.invalid";

/** Takes the place of a URL that is wrong or missing, so that the rest of its endpoint can be checked; one for each place. */
function standInUrl(offset: number): string {
  return `https://${offset}${standInHost}`;
}

export function isStandIn(url: URL): boolean {
  return url.hostname.endsWith(standInHost);
}

/** What stands deeper or later in a list comes first, so that the numbers of what follows still hold. */
function lastFirst(a: Path, b: Path): number {
  const index = a.findIndex((step, at) => step !== b[at]);
  if (index === -1 || index >= b.length) return b.length - a.length;
  const [one, other] = [a[index], b[index]];
  if (typeof one === "number" && typeof other === "number") return other - one;
  return String(one).localeCompare(String(other));
}
