/** What a plugin gets of its host. Part of the contract, in a file of its own for the helpers that the contract offers. */
import type { ComponentEvents, Topic } from "../event/component-event.ts";
import type { Logger } from "../event/logger.ts";

/** What a plugin may ask of its host while it watches a component. Nothing here throws. */
export interface PluginHost {
  /** False while nobody would get an event from this topic: then measuring can be skipped. Costs nanoseconds. */
  wants(topic: Topic): boolean;
  /** Says on the bus what happened. Synchronous. */
  publish<Name extends Topic>(topic: Name, happened: ComponentEvents[Name]): void;
  readonly log: Logger;
}
