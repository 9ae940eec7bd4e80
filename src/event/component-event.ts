/** What a component says on the bus. Plugins add their topics by declaration merging. */

/** Topic name → what happened. Extend it with `declare module "mova-webhooks/plugin"`. */
export interface ComponentEvents {
  /** What `reportError` says. */
  readonly "error:reported": {
    readonly error: unknown;
    readonly context?: Readonly<Record<string, unknown>>;
    /** The process is about to end of it. */
    readonly fatal?: boolean;
  };
}

export type Topic = Extract<keyof ComponentEvents, string>;
