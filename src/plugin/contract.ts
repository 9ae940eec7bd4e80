/**
 * The contract for source plugins: all that a plugin may import, published as `mova-webhooks/plugin`.
 *
 * A plugin names its webhook events, translates component events into them, and says which components it can watch.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ComponentEvents, Topic } from "../event/component-event.ts";
import type { Logger } from "../event/logger.ts";

export type { ComponentEvents, Topic } from "../event/component-event.ts";
export { describeError, type ErrorDescription } from "../event/describe-error.ts";
export { WebhookError } from "../event/errors.ts";
export type { Logger } from "../event/logger.ts";
export { followResult, type ResultEnd } from "./follow-result.ts";
export { hasMethods } from "./has-methods.ts";
export { sizeInBytes } from "./size-in-bytes.ts";
export { patchMethod, watchFunction, watchMethod, type Watch, type WatchedCall } from "./watch-calls.ts";

export interface EventDefinition<Data> {
  /** One sentence for the catalogue. */
  readonly summary: string;
  /** Checks the data before it is stored; what does not fit is dropped and counted. */
  readonly schema?: StandardSchemaV1<unknown, unknown>;
  readonly example: Data;
}

/** What `translate` returns: the host adds id, time and trace. */
export type Draft<Events> = {
  readonly [Type in keyof Events & string]: { readonly type: Type; readonly data: Events[Type] };
}[keyof Events & string];

export type Drafts<Events> = Draft<Events> | readonly Draft<Events>[] | undefined;

/** What a plugin may ask of its host while it watches a component. Nothing here throws. */
export interface PluginHost {
  /** False while nobody would get an event from this topic: then measuring can be skipped. Costs nanoseconds. */
  wants(topic: Topic): boolean;
  /** Says on the bus what happened. Synchronous. */
  publish<Name extends Topic>(topic: Name, happened: ComponentEvents[Name]): void;
  readonly log: Logger;
}

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

export interface SourcePlugin<Name extends string = string, Events = Record<string, unknown>> {
  readonly contract: 1;
  /** Prefix of the plugin's event types, and its name in metrics and logs. */
  readonly name: Name;
  readonly events: { readonly [Type in keyof Events]: EventDefinition<Events[Type]> };
  /** Topic → pure function. One that throws is isolated, counted and logged. */
  readonly translate: { readonly [Name in Topic]?: (happened: ComponentEvents[Name]) => Drafts<Events> };
  readonly instrument?: {
    readonly objects?: readonly ObjectInstrumentation[];
    /** Watches what is not an object, such as the process; called when the manager starts. */
    readonly attach?: (host: PluginHost) => Detach;
  };
}

/** A plugin of any name and events, as the host holds it. */
// biome-ignore lint/suspicious/noExplicitAny: variance of translate needs it; authors never see this type's inside
export type AnyPlugin = Pick<SourcePlugin, "contract" | "name" | "instrument"> & {
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
