/** Keeps the plugins: attaches them, translates what they hear on the bus, and stands between them and the rest. */
import { types } from "node:util";
import { answeredAtOnce, ignoreRejection } from "../event/at-once.ts";
import type { ComponentEvents, Topic } from "../event/component-event.ts";
import { WebhookError } from "../event/errors.ts";
import type { Logger } from "../event/logger.ts";
import type { DropReason, Lifecycle } from "../telemetry/lifecycle.ts";
import { checkData } from "./check-data.ts";
import { check } from "../settings/check.ts";
import { type Redact, useOptions } from "../settings/plugin-use.ts";
import { checkPlugin } from "./check-plugin.ts";
import type { AnyPlugin, Detach, PluginHost, UseOptions } from "./contract.ts";
import { type ModulePatch, modulePatchesOf } from "./module-patches.ts";
import { redactData } from "./redact.ts";
import { refuseDetach, undeclared, unrecognised } from "./refusals.ts";
import { checkVolume, type EventDraft, VolumeControl } from "./volume.ts";

/** What the host needs of the bus. */
interface BusPort {
  on<Name extends Topic>(
    topic: Name,
    listen: (happened: ComponentEvents[Name]) => void,
    owner: string,
  ): Detach;
  has(topic: Topic): boolean;
  publish<Name extends Topic>(topic: Name, happened: ComponentEvents[Name]): void;
}

/** Where translated events go. */
interface IntakePort {
  /** Tells whether any endpoint or handler wants this event type. */
  wants(type: string): boolean;
  /** Takes an event on its way. Never throws. */
  take(plugin: string, draft: EventDraft): void;
}

export interface HostOptions {
  readonly bus: BusPort;
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** From 0 to below 1, for sampling. */
  readonly random: () => number;
  /** Runs once after a delay; the returned function prevents it. */
  readonly after: (delayMs: number, run: () => void) => Detach;
  readonly intake: IntakePort;
}

interface Entry {
  readonly plugin: AnyPlugin;
  readonly host: PluginHost;
  readonly types: readonly string[];
  /** Absent where every event of the plugin is kept. */
  readonly volume: VolumeControl | undefined;
  readonly redact: Redact | undefined;
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

  /** Adds a plugin. Throws PLUGIN_INVALID where it breaks the contract or its name is taken, and CONFIG_INVALID. */
  use(plugin: AnyPlugin, options: UseOptions = {}): void {
    checkPlugin(plugin);
    const { name } = plugin;
    const { volume = plugin.volume ?? {}, redact } = check(`plugin \`${name}\``, useOptions, options);
    checkVolume(name, volume);
    if (this.#entries.has(name)) {
      throw new WebhookError("PLUGIN_INVALID", `Two plugins are named \`${name}\``);
    }
    const { bus, logger, lifecycle, now, random, after, intake } = this.#options;
    const host: PluginHost = {
      wants: (topic) => bus.has(topic),
      publish: (topic, happened) => bus.publish(topic, happened),
      log: logger,
    };
    const ports = {
      now,
      random,
      after,
      emit: (draft: EventDraft) => intake.take(name, draft),
      dropped: (reason: DropReason) => lifecycle.dropped({ source: name, reason, count: 1 }),
      failed: ({ type }: EventDraft, error: unknown) =>
        this.#drop(entry, `release ${type}`, error, "data_invalid"),
    };
    const control = Object.keys(volume).length === 0 ? undefined : new VolumeControl(volume, ports);
    const entry: Entry = { plugin, host, types: Object.keys(plugin.events), volume: control, redact };
    this.#entries.set(name, entry);
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

  /** Ends all watching, and emits the events that were held to be coalesced with later ones. */
  detach(): void {
    this.#attached = false;
    for (const entry of this.#entries.values()) {
      entry.listening?.();
      delete entry.listening;
      const { detach } = entry;
      delete entry.detach;
      if (detach !== undefined) this.#safely(entry, "detach", detach);
      entry.volume?.flush();
    }
  }

  /** Watches a live object. The same object twice is watched once. Throws COMPONENT_UNKNOWN. */
  instrument<Component extends object>(component: Component): Component {
    const known = this.#instrumented.get(component);
    if (known !== undefined) return known as Component;
    for (const entry of this.#entries.values()) {
      const atOnce = <Result>(during: string, run: () => Result): Result | undefined =>
        this.#safely(entry, during, () => {
          const result = run();
          return types.isPromise(result) ? answeredAtOnce(result, `\`${during}\``) : result;
        });
      for (const kind of entry.plugin.instrument?.objects ?? []) {
        if (!atOnce("recognise", () => kind.recognises(component))) continue;
        const watched = atOnce("attach", () => kind.attach(component, entry.host)) ?? component;
        this.#instrumented.set(component, watched);
        this.#instrumented.set(watched, watched);
        return watched as Component;
      }
    }
    throw unrecognised([...this.#entries.values()].map(({ plugin }) => plugin));
  }

  /** Returns what to patch when modules load, for one plugin or for all of them. */
  modulePatches(pluginName?: string): readonly ModulePatch[] {
    const entries = [...this.#entries.values()];
    return entries
      .filter(({ plugin }) => pluginName === undefined || plugin.name === pluginName)
      .flatMap((entry) =>
        modulePatchesOf(entry.plugin, entry.host, (during, error) => this.#failed(entry, during, error)),
      );
  }

  #listenIfWanted(entry: Entry): void {
    const wanted = entry.types.some((type) => this.#options.intake.wants(type));
    if (wanted === (entry.listening !== undefined)) return;
    if (!wanted) {
      entry.listening?.();
      delete entry.listening;
      return;
    }
    const { name, translate: all } = entry.plugin;
    const translations = Object.entries(all) as [Topic, (happened: unknown) => unknown][];
    const ends = translations.map(([topic, translate]) => {
      const listen = (happened: unknown): void => this.#translate(entry, topic, translate, happened);
      return this.#options.bus.on(topic, listen, name);
    });
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
    let drafts: readonly EventDraft[];
    try {
      const translated = translate(happened) as EventDraft | readonly EventDraft[] | undefined;
      if (translated === undefined) return;
      drafts = Array.isArray(translated) ? translated : [translated];
    } catch (error) {
      return this.#drop(entry, `translate ${topic}`, error, "translate_failed");
    }
    for (const draft of drafts) this.#pass(entry, topic, draft);
  }

  #pass(entry: Entry, topic: string, draft: EventDraft): void {
    const { plugin, types, volume, redact } = entry;
    const definition = plugin.events[draft?.type];
    if (definition === undefined || !types.includes(draft.type)) {
      const error = undeclared(plugin.name, draft);
      return this.#drop(entry, `translate ${topic}`, error, "translate_failed");
    }
    const { type } = draft;
    const { intake } = this.#options;
    if (!intake.wants(type)) return;
    try {
      if (volume?.keeps(draft) === false) return;
      let { data } = draft;
      if (definition.schema !== undefined) data = checkData(definition.schema, data, type);
      if (redact !== undefined) data = redactData(redact, data, type);
      const checked = draft.fatal === true ? { type, data, fatal: true } : { type, data };
      if (volume === undefined) intake.take(plugin.name, checked);
      else volume.take(checked);
    } catch (error) {
      this.#drop(entry, `check ${type}`, error, "data_invalid");
    }
  }

  #attach(entry: Entry): void {
    const attach = entry.plugin.instrument?.attach;
    if (attach === undefined || entry.detach !== undefined) return;
    const detach: unknown = this.#safely(entry, "attach", () => attach(entry.host));
    if (typeof detach === "function") entry.detach = detach as Detach;
    else if (detach !== undefined)
      this.#safely(entry, "attach", () => refuseDetach(entry.plugin.name, detach));
  }

  #drop(entry: Entry, during: string, error: unknown, reason: DropReason): void {
    this.#failed(entry, during, error);
    this.#options.lifecycle.dropped({ source: entry.plugin.name, reason, count: 1 });
  }

  #safely<Result>(entry: Entry, during: string, run: () => Result): Result | undefined {
    try {
      const result = run();
      // Nobody waits for an `async` function here; that it fails must not end the process.
      if (types.isPromise(result)) ignoreRejection(result, (error) => this.#failed(entry, during, error));
      return result;
    } catch (error) {
      this.#failed(entry, during, error);
      return undefined;
    }
  }

  #failed(entry: Entry, during: string, error: unknown): void {
    this.#options.lifecycle.pluginFailed({ plugin: entry.plugin.name, during, error });
  }
}
