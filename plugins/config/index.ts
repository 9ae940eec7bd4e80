/** The configuration plugin: settings that change while the program runs. */
import { checkOptions, definePlugin } from "mova-webhooks/plugin";
import { movaConfig } from "./mova.ts";

type ConfigEvents = {
  "config.updated": { readonly keys: readonly string[]; readonly operation?: "set" | "update" };
};

/** Watches configuration managers of MOVA's shape. */
export function config(options: Readonly<Record<string, never>> = {}) {
  checkOptions("config", options, {});
  return definePlugin<"config", ConfigEvents>({
    contract: 1,
    name: "config",
    events: {
      "config.updated": {
        summary: "Settings were changed; the event names them without their values.",
        example: { keys: ["llm.model", "cache.ttl"], operation: "update" },
      },
    },
    translate: {
      "config:updated": ({ keys, operation }) => ({ type: "config.updated", data: { keys, operation } }),
    },
    instrument: { objects: [movaConfig] },
  });
}
