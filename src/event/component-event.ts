/** What a component says on the bus. Plugins add their topics by declaration merging. */

/** Topic name → what happened. Extend it with `declare module "mova-webhooks/plugin"`. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface ComponentEvents {}

export type Topic = Extract<keyof ComponentEvents, string>;
