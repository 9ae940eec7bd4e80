/** What the dashboards share: variables, links, selectors, and how rows of panels become a dashboard. */
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import type { Panel } from "./panels.ts";

/** Matches a metric of the chosen processes. */
export const ofProcess = 'job=~"$job",instance=~"$instance"';

/** Matches a metric of the chosen endpoints of the chosen processes. */
export const ofEndpoint = `${ofProcess},endpoint=~"$endpoint"`;

/** The objective of the burn rates: the share of deliveries that arrive, over 30 days. */
export const objective = 0.999;

export const uids = {
  delivery: "mova-webhooks-delivery",
  endpoint: "mova-webhooks-endpoint",
  sources: "mova-webhooks-sources",
} as const;

/** Where the runbook is; alerts lead to its sections. */
export const runbookUrl = "https://unpkg.com/mova-webhooks/grafana/README.md";

interface Row {
  /** None for the first row, which is what one sees at once. */
  readonly title?: string;
  readonly panels: readonly Panel[];
}

export interface BoardSettings {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** How the endpoint is chosen; absent where nothing on the board has an endpoint. */
  readonly endpoints?: "many" | "one";
  readonly rows: readonly Row[];
}

const datasource = { type: "prometheus", uid: "${datasource}" };

/** Builds a dashboard. Its panels flow from left to right, row by row. */
export function buildBoard({ uid, title, description, endpoints, rows }: BoardSettings): dashboard.Dashboard {
  const board = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(["mova-webhooks"])
    .readonly()
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .timezone("browser")
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(
      new dashboard.DatasourceVariableBuilder("datasource").label("Data Source").type("prometheus"),
    )
    .withVariable(manyValues("job", "Job", "label_values(mova_webhook_build_info, job)"))
    .withVariable(
      manyValues("instance", "Instance", 'label_values(mova_webhook_build_info{job=~"$job"}, instance)'),
    )
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name("Starts")
        .datasource(datasource)
        .enable(true)
        .iconColor("blue")
        .expr(`changes(process_start_time_seconds{${ofProcess}}[$__rate_interval]) > 0`)
        .titleFormat("Restarted")
        .textFormat("{{instance}}"),
    );
  const known = `label_values(mova_webhook_endpoint_enabled{${ofProcess}}, endpoint)`;
  if (endpoints === "many") board.withVariable(manyValues("endpoint", "Endpoint", known));
  if (endpoints === "one") board.withVariable(queryVariable("endpoint", "Endpoint", known));
  for (const link of links(uid)) board.link(link);
  for (const { title: rowTitle, panels } of rows) {
    if (rowTitle !== undefined) board.withRow(new dashboard.RowBuilder(rowTitle));
    for (const panel of panels) board.withPanel(panel);
  }
  return withPanelIds(board.build());
}

function queryVariable(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
}

function manyValues(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return queryVariable(name, label, query)
    .multi(true)
    .includeAll(true)
    .allValue(".+")
    .current({ selected: true, text: "All", value: "$__all" });
}

const titles: Readonly<Record<string, string>> = {
  [uids.delivery]: "Delivery overview",
  [uids.endpoint]: "Endpoint detail",
  [uids.sources]: "Sources and runtime",
};

function links(ownUid: string): dashboard.DashboardLinkBuilder[] {
  const others = Object.entries(titles).filter(([uid]) => uid !== ownUid);
  return [
    ...others.map(([uid, title]) =>
      new dashboard.DashboardLinkBuilder(title)
        .type(dashboard.DashboardLinkType.Link)
        .icon("dashboard")
        .url(`/d/${uid}`)
        .includeVars(true)
        .keepTime(true),
    ),
    new dashboard.DashboardLinkBuilder("Runbook")
      .type(dashboard.DashboardLinkType.Link)
      .icon("doc")
      .tooltip("What each alert means and what to do")
      .url(`${runbookUrl}#runbook`)
      .targetBlank(true),
  ];
}

/** Grafana gives ids where there are none, but then links to a single panel change with every load. */
function withPanelIds(board: dashboard.Dashboard): dashboard.Dashboard {
  board.panels?.forEach((panel, index) => {
    panel.id = index + 1;
  });
  return board;
}
