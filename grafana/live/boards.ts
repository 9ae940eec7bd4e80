/** Reads the committed dashboards and makes their queries ones that Prometheus can answer. */
import { readdirSync, readFileSync } from "node:fs";
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";

/** A query of a panel as it stands in the file. */
export interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly exemplar?: boolean;
  readonly format?: string;
  readonly datasource?: { readonly uid?: string };
}

export interface Board {
  readonly file: string;
  readonly model: Dashboard;
}

const folder = new URL("../dashboards/", import.meta.url);

export function readBoards(): readonly Board[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({ file, model: JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Dashboard }));
}

/** The panels of a dashboard, without the rows that divide them. */
export function panelsOf(board: Dashboard): readonly Panel[] {
  return (board.panels ?? []).filter((panel: Panel | RowPanel): panel is Panel => panel.type !== "row");
}

export function targetsOf(panel: Panel): readonly Target[] {
  return (panel.targets ?? []) as readonly unknown[] as readonly Target[];
}

/** What stands for Grafana's variables. */
export interface Values {
  readonly endpoint: string;
  /** PromQL durations. */
  readonly rateInterval: string;
  readonly range: string;
}

/** Puts values in the place of the variables: all jobs, all instances. */
export function substitute(expr: string, { endpoint, rateInterval, range }: Values): string {
  return expr
    .replaceAll("$__rate_interval", rateInterval)
    .replaceAll("$__range", range)
    .replaceAll("$endpoint", endpoint)
    .replaceAll(/\$(job|instance)\b/g, ".+");
}
