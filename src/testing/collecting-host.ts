/** A host for testing one plugin: it attaches it, keeps what it publishes, and translates that to event drafts. */
import type { AnyPlugin, ComponentEvents, Detach, PluginHost, Topic } from "../plugin/contract.ts";
import { refuseDetach, undeclared } from "../plugin/refusals.ts";

export interface CollectedDraft {
  readonly type: string;
  readonly data: unknown;
}

export interface CollectingHost extends PluginHost {
  /** What was published, in order. */
  readonly published: { readonly topic: Topic; readonly happened: unknown }[];
  /** What the plugin made of it, in order. */
  readonly drafts: CollectedDraft[];
  /** What the plugin logged. */
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[];
  /** Lets the plugin watch a live object, as `WebhookManager.instrument` does. Throws where it recognises none. */
  instrument<Component extends object>(component: Component): Component;
  /** Lets the plugin watch what is not an object, as `WebhookManager.start` does. Throws where it returns no function. */
  attach(): Detach;
  /** Chooses the topics somebody wants. @default every topic */
  want(wanted: (topic: Topic) => boolean): void;
  /** Forgets what was collected. */
  clear(): void;
}

export function collectingHost(plugin: AnyPlugin): CollectingHost {
  let isWanted = (_topic: Topic): boolean => true;
  const instrumented = new WeakMap<object, object>();

  const host: CollectingHost = {
    published: [],
    drafts: [],
    logged: [],
    log: {
      debug: (fields, message) => void host.logged.push({ level: "debug", fields, message }),
      info: (fields, message) => void host.logged.push({ level: "info", fields, message }),
      warn: (fields, message) => void host.logged.push({ level: "warn", fields, message }),
      error: (fields, message) => void host.logged.push({ level: "error", fields, message }),
    },
    wants: (topic) => isWanted(topic),
    publish(topic, happened) {
      if (!isWanted(topic)) return;
      host.published.push({ topic, happened });
      host.drafts.push(...translate(plugin, topic, happened));
    },
    instrument(component) {
      const known = instrumented.get(component);
      if (known !== undefined) return known as typeof component;
      const kind = plugin.instrument?.objects?.find((candidate) => candidate.recognises(component));
      if (kind === undefined) throw new Error(`plugin ${plugin.name} recognises no such object`);
      const watched = kind.attach(component, host) as typeof component;
      instrumented.set(component, watched);
      instrumented.set(watched, watched);
      return watched;
    },
    attach() {
      const detach: unknown = plugin.instrument?.attach?.(host) ?? (() => {});
      return typeof detach === "function" ? (detach as Detach) : refuseDetach(plugin.name, detach);
    },
    want(wanted) {
      isWanted = wanted;
    },
    clear() {
      host.published.length = 0;
      host.drafts.length = 0;
      host.logged.length = 0;
    },
  };
  return host;
}

/** Runs a plugin's translation of one topic; a plugin that does not know the topic makes nothing of it. Throws for an asynchronous one. */
export function translate<Name extends Topic>(
  plugin: AnyPlugin,
  topic: Name,
  happened: ComponentEvents[Name],
): readonly CollectedDraft[] {
  const made = plugin.translate[topic]?.(happened);
  if (made === undefined) return [];
  if (made instanceof Promise) throw undeclared(plugin.name, made);
  return Array.isArray(made) ? made : [made as CollectedDraft];
}
