/** Keeps the plugins: attaches them, translates what they hear on the bus, and stands between them and the rest. */
import type { ComponentEvents, Topic } from "../event/component-event.ts";
import { WebhookError } from "../event/errors.ts";
import type { Logger } from "../event/logger.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { AnyPlugin, Detach, PluginHost } from "./contract.ts";
import { checkPlugin } from "./check-plugin.ts";

/** What the host needs of the bus. */
export interface BusPort {
  on<Name extends Topic>(
    topic: Name,
    listen: (happened: ComponentEvents[Name]) => void,
    owner: string,
  ): Detach;
  has(topic: Topic): boolean;
  publish<Name extends Topic>(topic: Name, happened: ComponentEvents[Name]): void;
}

export interface HostOptions {
  readonly bus: BusPort;
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  /** Tells whether any endpoint or handler wants this event type. */
  readonly wantsType: (type: string) => boolean;
  /** Takes a translated event on its way. Never throws. */
  readonly emit: (plugin: string, draft: { readonly type: string; readonly data: unknown }) => void;
}

interface Entry {
  readonly plugin: AnyPlugin;
  readonly host: PluginHost;
  readonly types: readonly string[];
  /** Present while its translations listen on the bus. */
  listening?: Detach;
  detach?: Detach;
}

export class Host {
  readonly #options: HostOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #instrumented = new WeakMap<object, object>();
  #attached = false;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Adds a plugin. Throws PLUGIN_INVALID where it breaks the contract or its name is taken. */
  use(plugin: AnyPlugin): void {
    checkPlugin(plugin);
    if (this.#entries.has(plugin.name)) {
      throw new WebhookError("PLUGIN_INVALID", `Two plugins are named \`${plugin.name}\``);
    }
    const host: PluginHost = {
      wants: (topic) => this.#options.bus.has(topic),
      publish: (topic, happened) => this.#options.bus.publish(topic, happened),
      log: this.#options.logger,
    };
    const entry: Entry = { plugin, host, types: Object.keys(plugin.events) };
    this.#entries.set(plugin.name, entry);
    this.#listenIfWanted(entry);
    if (this.#attached) this.#attach(entry);
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Listens for plugins whose events somebody wants now, and for no others: an unwanted topic costs nothing. */
  refresh(): void {
    for (const entry of this.#entries.values()) this.#listenIfWanted(entry);
  }

  /** Lets the plugins watch the process. */
  attach(): void {
    this.#attached = true;
    for (const entry of this.#entries.values()) this.#attach(entry);
  }

  detach(): void {
    this.#attached = false;
    for (const entry of this.#entries.values()) {
      entry.listening?.();
      delete entry.listening;
      const { detach } = entry;
      delete entry.detach;
      if (detach !== undefined) this.#safely(entry, "detach", detach);
    }
  }

  /** Watches a live object. The same object twice is watched once. Throws COMPONENT_UNKNOWN. */
  instrument<Component extends object>(component: Component): Component {
    const known = this.#instrumented.get(component);
    if (known !== undefined) return known as Component;
    for (const entry of this.#entries.values()) {
      for (const kind of entry.plugin.instrument?.objects ?? []) {
        if (!this.#safely(entry, "recognise", () => kind.recognises(component))) continue;
        const watched = this.#safely(entry, "attach", () => kind.attach(component, entry.host)) ?? component;
        this.#instrumented.set(component, watched);
        this.#instrumented.set(watched, watched);
        return watched as Component;
      }
    }
    const libraries = [...this.#entries.values()].flatMap(({ plugin }) =>
      (plugin.instrument?.objects ?? []).map((kind) => kind.library),
    );
    throw new WebhookError(
      "COMPONENT_UNKNOWN",
      `No plugin recognises this object; the plugins in use know ${libraries.join(", ") || "none"}`,
    );
  }

  #listenIfWanted(entry: Entry): void {
    const wanted = entry.types.some(this.#options.wantsType);
    if (wanted === (entry.listening !== undefined)) return;
    if (!wanted) {
      entry.listening?.();
      delete entry.listening;
      return;
    }
    const translations = Object.entries(entry.plugin.translate) as [Topic, (happened: unknown) => unknown][];
    const ends = translations.map(([topic, translate]) =>
      this.#options.bus.on(
        topic,
        (happened: unknown) => this.#translate(entry, topic, translate, happened),
        entry.plugin.name,
      ),
    );
    entry.listening = () => {
      for (const end of ends) end();
    };
  }

  #translate(
    entry: Entry,
    topic: string,
    translate: (happened: unknown) => unknown,
    happened: unknown,
  ): void {
    const { emit, wantsType } = this.#options;
    let drafts: readonly { readonly type: string; readonly data: unknown }[];
    try {
      const translated = translate(happened) as (typeof drafts)[number] | typeof drafts | undefined;
      if (translated === undefined) return;
      drafts = Array.isArray(translated) ? translated : [translated];
    } catch (error) {
      this.#failed(entry, `translate ${topic}`, error);
      this.#options.lifecycle.dropped({ source: entry.plugin.name, reason: "translate_failed", count: 1 });
      return;
    }
    for (const draft of drafts) {
      if (!entry.types.includes(draft.type)) {
        const detail = `Plugin \`${entry.plugin.name}\` made an event of the undeclared type \`${draft.type}\``;
        this.#failed(entry, `translate ${topic}`, new WebhookError("PLUGIN_INVALID", detail));
      } else if (wantsType(draft.type)) emit(entry.plugin.name, draft);
    }
  }

  #attach(entry: Entry): void {
    const attach = entry.plugin.instrument?.attach;
    if (attach === undefined || entry.detach !== undefined) return;
    const detach = this.#safely(entry, "attach", () => attach(entry.host));
    if (detach !== undefined) entry.detach = detach;
  }

  #safely<Result>(entry: Entry, during: string, run: () => Result): Result | undefined {
    try {
      return run();
    } catch (error) {
      this.#failed(entry, during, error);
      return undefined;
    }
  }

  #failed(entry: Entry, during: string, error: unknown): void {
    this.#options.lifecycle.pluginFailed({ plugin: entry.plugin.name, during, error });
  }
}
