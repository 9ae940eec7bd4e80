/** The settings that file and environment may give: those of a manager, with the outbox that one of the kinds is. */
import { outboxSetting } from "../../outbox/kinds.ts";
import type { OutboxChoice } from "../../outbox/outbox.ts";
import { object } from "../composed.ts";
import { manager, type ManagerSettings } from "../manager.ts";
import type { PluginChoice } from "../plugin-use.ts";
import type { Reading, Site } from "../setting.ts";

/** As it was read: right and in camelCase, with secrets still in their files. */
export interface Section extends Omit<ManagerSettings, "secret" | "plugins" | "outbox"> {
  readonly secret?: string;
  readonly plugins?: readonly PluginChoice[];
  readonly outbox?: OutboxChoice;
}

const fields = { ...manager.fields, outbox: outboxSetting };

export const section = object<Omit<ManagerSettings, "outbox"> & { readonly outbox?: OutboxChoice }>(fields);

/** Reads what stands below `webhook:`. There, secrets are texts and plugins are chosen by name. */
export function readSection(value: unknown, site: Site & { readonly place: "file" }): Reading<Section> {
  return section.read(value, site) as Reading<Section>;
}
