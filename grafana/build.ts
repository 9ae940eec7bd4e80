/** Builds the dashboards; run as a program, writes them to `dashboards/`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { deliveryOverview } from "./boards/delivery-overview.ts";
import { endpointDetail } from "./boards/endpoint-detail.ts";
import { sourcesAndRuntime } from "./boards/sources-and-runtime.ts";

/** The file name of each dashboard, and the dashboard. */
export function buildDashboards(): ReadonlyMap<string, Dashboard> {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  return new Map([
    ["delivery-overview.json", deliveryOverview(shortRunbook(readme))],
    ["endpoint-detail.json", endpointDetail()],
    ["sources-and-runtime.json", sourcesAndRuntime()],
  ]);
}

/** Takes the first paragraph of each section `Runbook: …`: at three in the morning nobody reads more. */
function shortRunbook(readme: string): string {
  const sections = readme.matchAll(/^### Runbook: (.+)\n\n(.+)$/gm);
  return [...sections].map(([, title, whatToDo]) => `**${title}.** ${whatToDo}`).join("\n\n");
}

/** The text of a dashboard's file. */
export function toFileText(board: Dashboard): string {
  return `${JSON.stringify(board, undefined, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, board] of buildDashboards()) {
    writeFileSync(new URL(`dashboards/${name}`, import.meta.url), toFileText(board));
    console.log(`dashboards/${name}: ${board.panels?.length ?? 0} panels and rows`);
  }
}
