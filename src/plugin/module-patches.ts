/** Makes a plugin's module patches ready for whoever sees modules load: fitting versions only, and isolated. */
import type { AnyPlugin, PluginHost } from "./contract.ts";
import { isWithin } from "./version-range.ts";

export interface ModulePatch {
  readonly plugin: string;
  readonly module: string;
  /** A file of the package; absent for its main module. */
  readonly file?: string;
  /** Returns the exports to hand on. Never throws. */
  readonly apply: (exports: object, version: string | undefined) => object;
}

/** A library that was loaded in a version that no plugin knows. */
export interface Unwatched {
  readonly plugin: string;
  readonly module: string;
  readonly version: string;
  /** The ranges that the plugin knows. */
  readonly versions: readonly string[];
}

const listeners = new Set<(unwatched: Unwatched) => void>();

/** Hears, once for each version, of libraries that are loaded and not watched. */
export function onUnwatched(listen: (unwatched: Unwatched) => void): void {
  listeners.add(listen);
}

export function modulePatchesOf(
  plugin: AnyPlugin,
  host: PluginHost,
  failed: (during: string, error: unknown) => void,
): readonly ModulePatch[] {
  const modules = plugin.instrument?.modules ?? [];
  const refused = new Set<string>();

  /** A range may be that of one file: only a version that fits no range of the module is one we do not know. */
  function refuse(module: string, version: string | undefined): void {
    const known = modules.some(
      (each) => each.module === module && version !== undefined && isWithin(version, each.versions),
    );
    const fields = { plugin: plugin.name, module, version: version ?? "unknown" };
    const key = `${module}@${fields.version}`;
    if (known || refused.has(key)) return;
    refused.add(key);
    host.log.warn(fields, "this version of the library is not known, so that its calls are not seen");
    const versions = new Set(modules.filter((each) => each.module === module).map((each) => each.versions));
    for (const listen of listeners) listen({ ...fields, versions: [...versions] });
  }

  return modules.map(({ module, versions, file, patch }) => ({
    plugin: plugin.name,
    module,
    ...(file !== undefined && { file }),
    apply(exports, version) {
      if (version === undefined || !isWithin(version, versions)) {
        refuse(module, version);
        return exports;
      }
      try {
        return patch(exports, host) ?? exports;
      } catch (error) {
        failed(`patch ${module}`, error);
        return exports;
      }
    },
  }));
}
