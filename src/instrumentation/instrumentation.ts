/** OpenTelemetry instrumentations for those who run their own NodeSDK. Published as `mova-webhooks/instrumentation`. */
/// <reference types="node" preserve="true" />
import {
  InstrumentationBase,
  type InstrumentationConfig,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from "@opentelemetry/instrumentation";
import type { WebhookManager } from "../manager/manager.ts";
import type { AnyPlugin } from "../plugin/contract.ts";
import type { ModulePatch } from "../plugin/module-patches.ts";
import { getWebhookManager } from "../manager/process-wide.ts";
import { version } from "../version.ts";

export interface MovaInstrumentationConfig extends InstrumentationConfig {
  /** The plugin whose libraries are watched; the manager is told to use it. @default all that the manager uses */
  readonly plugin?: AnyPlugin;
  /** @default the process-wide manager */
  readonly manager?: WebhookManager;
}

interface PatchConfig extends InstrumentationConfig {
  readonly patches: readonly ModulePatch[];
}

/**
 * Patches the libraries of plugins when they load. ES modules are seen where a loader hook is registered, as for
 * every OpenTelemetry instrumentation. What was loaded before is not seen: give such objects to `manager.instrument`.
 */
export class MovaInstrumentation extends InstrumentationBase<PatchConfig> {
  constructor({ plugin, manager = getWebhookManager(), ...config }: MovaInstrumentationConfig = {}) {
    if (plugin !== undefined && !manager.uses(plugin.name)) manager.use(plugin);
    super("mova-webhooks", version, { ...config, patches: manager.modulePatches(plugin?.name) });
  }

  /** Called by the base class before this class has fields of its own. */
  protected override init(): InstrumentationNodeModuleDefinition[] {
    const { patches } = this.getConfig();
    return [...new Set(patches.map(({ module }) => module))].map((module) =>
      define(
        module,
        patches.filter((patch) => patch.module === module),
      ),
    );
  }
}

/** Every version: which of them are patched is the patches' own decision, and they say what they leave alone. */
const anyVersion = ["*"];

function define(module: string, patches: readonly ModulePatch[]): InstrumentationNodeModuleDefinition {
  const files = patches.flatMap(({ file, apply }) =>
    file === undefined
      ? []
      : [new InstrumentationNodeModuleFile(`${module}/${file}`, anyVersion, apply, leavePatched)],
  );
  const definition = new InstrumentationNodeModuleDefinition(
    module,
    anyVersion,
    (exports: object, moduleVersion) =>
      patches
        .filter(({ file }) => file === undefined)
        .reduce((patched, { apply }) => apply(patched, moduleVersion), exports),
    leavePatched,
    files,
  );
  return Object.assign(definition, { includePrerelease: true });
}

/** A patch without listeners costs nanoseconds, and others may have patched on top of it. */
function leavePatched(): void {}
