/**
 * The contract for source plugins: all that a plugin may import, published as `mova-webhooks/plugin`.
 *
 * A plugin names its webhook events, translates component events into them, and says which components it can watch.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ComponentEvents, Topic } from "../event/component-event.ts";
import type { PluginHost } from "./plugin-host.ts";
import type { VersionRange } from "./version-range.ts";
import type { Volume } from "../settings/plugin-use.ts";

export type { ComponentEvents, Topic } from "../event/component-event.ts";
export { cutText } from "../event/cut-text.ts";
export { describeErrorWithMessage as describeError, type ErrorDescription } from "../event/describe-error.ts";
export { WebhookError } from "../event/errors.ts";
export type { Logger } from "../event/logger.ts";
export { checkOptions, type OptionRule, type OptionRules } from "./check-options.ts";
export type { PluginHost } from "./plugin-host.ts";
export { hasMaker, isCounted, makerOf, type MakerOptions, noteMaker, noteMakersOf } from "./maker.ts";
export type { Redact, UseOptions, Volume } from "../settings/plugin-use.ts";
export { hasMethods } from "./patch.ts";
export { sizeInBytes } from "./size-in-bytes.ts";
export { type Callable, exportNamed, patchExport, patchMethod, prototypeNamed } from "./patch.ts";
export type { VersionRange } from "./version-range.ts";
export {
  followResult,
  isInsideWatchedCall,
  type ResultEnd,
  type SubjectOf,
  type Watch,
  watchFunction,
  type WatchedCall,
  watchMethod,
} from "./watch-calls.ts";

export interface EventDefinition<Data> {
  /** One sentence for the catalogue. */
  readonly summary: string;
  /** Checks the data, at once, before they are stored; what does not fit is dropped and counted. */
  readonly schema?: StandardSchemaV1<unknown, unknown>;
  readonly example: Data;
}

/** What `translate` returns: the host adds id, time and trace. */
export type Draft<Events> = {
  readonly [Type in keyof Events & string]: {
    readonly type: Type;
    readonly data: Events[Type];
    /** The process is about to end: the event is stored before anything else runs, where the outbox can. */
    readonly fatal?: boolean;
  };
}[keyof Events & string];

export type Drafts<Events> = Draft<Events> | readonly Draft<Events>[] | undefined;

/** Undoes what was attached. */
export type Detach = () => void;

/** One kind of live object that a plugin can watch. */
export interface ObjectInstrumentation {
  /** Name of the library, for messages. */
  readonly library: string;
  recognises(component: object): boolean;
  /**
   * Starts to watch; called once per object. Returns the object itself, or for a bare function, whose calls cannot
   * be seen from inside, a Proxy of it. Return values, errors, promise identity, `this` and types stay as they were.
   */
  attach(component: object, host: PluginHost): object;
}

/** A module to patch when it loads, so that what the program makes with it needs no `instrument` call. */
export interface ModuleInstrumentation {
  /** Name of the package, such as `keyv`. */
  readonly module: string;
  /** Such as `>=4.0.0 <6.0.0`. A version that fits none of the plugin's ranges is left alone, which is logged once. */
  readonly versions: VersionRange;
  /** A file of the package, such as `dist/core.js`, where the main module is not what to patch. */
  readonly file?: string;
  /**
   * Called for every copy that loads, for its CommonJS and its ES form. Patches prototypes in place; where it replaces
   * an export, it returns what `patchExport` returns. Watch as `attach` does: an object that is given to
   * `instrument` besides is still watched once.
   */
  readonly patch: (exports: object, host: PluginHost) => object | void;
}

export interface SourcePlugin<Name extends string = string, Events = Record<string, unknown>> {
  readonly contract: 1;
  /** Prefix of the plugin's event types, and its name in metrics and logs. */
  readonly name: Name;
  readonly events: { readonly [Type in keyof Events]: EventDefinition<Events[Type]> };
  /** Topic → pure function. One that throws is isolated, counted and logged. */
  readonly translate: { readonly [Name in Topic]?: (happened: ComponentEvents[Name]) => Drafts<Events> };
  readonly instrument?: {
    readonly objects?: readonly ObjectInstrumentation[];
    /** Patched where the program runs with `mova-webhooks/register` or `mova-webhooks/instrumentation`. */
    readonly modules?: readonly ModuleInstrumentation[];
    /**
     * Watches what is not an object, such as the process; called when the manager starts. Holds no process open:
     * timers, sockets and whatever else it starts are `unref`ed, because the program does not know of them.
     */
    readonly attach?: (host: PluginHost) => Detach;
    /**
     * Whether what is watched may be something that a delivery does, such as an HTTP request: the host then keeps
     * that from becoming an event, for which it must follow its own asynchronous work. @default with an `attach`, true
     */
    readonly hearsDeliveries?: boolean;
  };
  /** How many of its events are kept, where the user says nothing else. @default all */
  readonly volume?: Volume;
}

/** A plugin of any name and events, as the host holds it. */
// biome-ignore lint/suspicious/noExplicitAny: variance of translate needs it; authors never see this type's inside
export type AnyPlugin = Pick<SourcePlugin, "contract" | "name" | "instrument" | "volume"> & {
  readonly events: Readonly<Record<string, EventDefinition<unknown>>>;
  readonly translate: {
    readonly [Name in Topic]?: (happened: ComponentEvents[Name]) => Drafts<Record<string, unknown>>;
  };
};

/** Declares a plugin with full inference. An event type outside the plugin's own prefix is a compile error. */
export function definePlugin<
  const Name extends string,
  Events extends { readonly [Type in keyof Events]: Type extends `${Name}.${string}` ? unknown : never },
>(plugin: SourcePlugin<Name, Events>): SourcePlugin<Name, Events> {
  return plugin;
}
