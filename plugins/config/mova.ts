/** Watches configuration managers of MOVA's shape: anything with `set` and `update`. */
import {
  cutText,
  hasMethods,
  type ObjectInstrumentation,
  type Watch,
  watchMethod,
} from "mova-webhooks/plugin";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "config:updated": {
      /** Names of the top-level settings; the values stay where they are. */
      readonly keys: readonly string[];
      readonly operation: "set" | "update";
    };
  }
}

const maxKeys = 100;
const maxKeyLength = 256;

export const movaConfig: ObjectInstrumentation = {
  library: "mova config",
  recognises: (component) => hasMethods(component, "set", "update"),
  attach(config, host) {
    function watchOperation(operation: "set" | "update"): Watch {
      return function configChanges([change]) {
        if (!host.wants("config:updated")) return undefined;
        const keys = keysOf(change);
        return {
          returned(value) {
            if (value !== false) host.publish("config:updated", { keys, operation });
          },
        };
      };
    }
    watchMethod(config, "set", host, watchOperation("set"));
    watchMethod(config, "update", host, watchOperation("update"));
    return config;
  },
};

/** Reads `set("a.b", value)`, `update({ a, b })` and `update([["a", 1]])`; a change of another form has no names. */
function keysOf(change: unknown): readonly string[] {
  const keys =
    change instanceof Map
      ? [...change.keys()]
      : Array.isArray(change)
        ? change.map((entry: unknown) => (Array.isArray(entry) ? entry[0] : entry))
        : typeof change === "object" && change !== null
          ? Object.keys(change)
          : [change];
  return keys
    .filter((key): key is string => typeof key === "string")
    .slice(0, maxKeys)
    .map((key) => cutText(key, maxKeyLength));
}
