/** What is wrong with the endpoints of a configuration, said where they stand. */
import type { KnownTypes } from "../../event/known-types.ts";
import type { Path } from "../setting.ts";
import type { ReadConfig } from "./config.ts";

/** Returns the text of a mistake. The endpoint that the environment adds comes after those of the file, and has no place in it. */
export function endpointMistake(
  { mistakeAt, inFile }: ReadConfig,
  index: number,
  path: Path,
  problem: string,
): string {
  return index < inFile
    ? mistakeAt(["endpoints", index, ...path], problem)
    : `the endpoint of MOVA_WEBHOOK_URL: ${problem}`;
}

/** Returns the event types and patterns that nothing would ever match. `complete` tells whether all plugins are known. */
export function typeMistakes(read: ReadConfig, types: KnownTypes, complete: boolean): string[] {
  const { endpoints, eventTypes } = read.config;
  return endpoints.flatMap((endpoint, index) =>
    (endpoint.eventTypes ?? []).flatMap((pattern, at) => {
      const problem = types.whyUnmatched(pattern, eventTypes, complete);
      if (problem === undefined) return [];
      const remedy = "or name the plugin that declares it, or list it in `webhook.event_types`";
      return [endpointMistake(read, index, ["event_types", at], `${problem}; ${remedy}`)];
    }),
  );
}
