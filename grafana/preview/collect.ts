/** Asks Prometheus for what each panel shows. */
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import { substitute, type Target, targetsOf } from "../live/boards.ts";
import type { PrometheusApi, Series } from "../live/prometheus.ts";

/** The endpoint that Endpoint detail shows: one that fails and recovers. */
const shownEndpoint = "flaky";
const points = 180;

interface PanelPicture {
  readonly panel: Panel | RowPanel;
  /** One for each series, with its name in the legend. */
  readonly series: readonly (Series & { readonly name: string })[];
  readonly exemplars: readonly (readonly [unixSeconds: number, value: number])[];
}

export interface BoardPicture {
  readonly title: string;
  readonly description: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly links: readonly string[];
  readonly panels: readonly PanelPicture[];
}

export async function collectBoard(
  prometheus: PrometheusApi,
  board: Dashboard,
  fromSeconds: number,
  toSeconds: number,
): Promise<BoardPicture> {
  const hasOneEndpoint = board.uid?.endsWith("-endpoint") ?? false;
  const endpoint = hasOneEndpoint ? shownEndpoint : ".+";
  const range = `${Math.round(toSeconds - fromSeconds)}s`;
  const step = (toSeconds - fromSeconds) / points;
  const values = { endpoint, rateInterval: "30s", range };

  async function seriesOf(target: Target): Promise<PanelPicture["series"]> {
    const expr = substitute(target.expr, values);
    const series =
      target.instant === true && target.range !== true
        ? await prometheus.query(expr)
        : await prometheus.queryRange(expr, fromSeconds, toSeconds, step);
    return series.map((one) => ({ ...one, name: nameOf(target.legendFormat ?? "", one.metric) }));
  }

  async function exemplarsOf(target: Target): Promise<PanelPicture["exemplars"]> {
    if (target.exemplar !== true) return [];
    const found = await prometheus.exemplars(substitute(target.expr, values), fromSeconds, toSeconds);
    return found.map(({ timestamp, value }) => [timestamp, Number(value)] as const);
  }

  const panels: PanelPicture[] = [];
  for (const panel of board.panels ?? []) {
    const targets = panel.type === "row" ? [] : targetsOf(panel as Panel);
    const series = (await Promise.all(targets.map(seriesOf))).flat();
    const exemplars = targets[0] === undefined ? [] : await exemplarsOf(targets[0]);
    panels.push({ panel, series, exemplars: thin(exemplars) });
  }
  return {
    title: board.title ?? "",
    description: board.description ?? "",
    fromSeconds,
    toSeconds,
    variables: {
      "Data Source": "Prometheus",
      Job: "All",
      Instance: "All",
      ...((board.templating?.list ?? []).some(({ name }) => name === "endpoint")
        ? { Endpoint: hasOneEndpoint ? shownEndpoint : "All" }
        : {}),
    },
    links: (board.links ?? []).map(({ title }) => title),
    panels,
  };
}

function nameOf(legend: string, metric: Readonly<Record<string, string>>): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? "").trim();
}

/** Grafana too shows only some of many. */
function thin<Item>(items: readonly Item[]): readonly Item[] {
  const every = Math.ceil(items.length / 60);
  return items.filter((_, index) => index % every === 0);
}
