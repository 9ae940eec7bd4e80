/** The kinds of panels the dashboards are made of: each knows its look, and is given its words and its queries. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeline from "@grafana/grafana-foundation-sdk/statetimeline";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as text from "@grafana/grafana-foundation-sdk/text";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import { colours, levels, namesOf } from "./colours.ts";

export type Panel = Builder<dashboard.Panel>;

/** What every panel has. A description says what is shown and what it means when it is bad. */
export interface PanelWords {
  readonly title: string;
  readonly description: string;
  /** Of Grafana's unit ids. */
  readonly unit: string;
  /** Columns of 24. */
  readonly width: number;
  readonly height: number;
  /** Shown where there are no series. */
  readonly noValue?: string;
}

export interface Query {
  readonly expr: string;
  readonly legend?: string;
  /** Asks for exemplars too; the data source turns them into links to traces. */
  readonly exemplars?: boolean;
}

/** Values from which on a colour holds: `[undefined, "green"], [1, "red"]`. */
export type Steps = readonly (readonly [from: number | undefined, colour: string])[];

/** What a value of a state means. */
export type States = Readonly<Record<string, readonly [text: string, colour: string]>>;

const datasource = { type: "prometheus", uid: "${datasource}" };

/** What all panel builders of the SDK share. */
interface AnyPanelBuilder<Self> {
  title(title: string): Self;
  description(description: string): Self;
  unit(unit: string): Self;
  span(columns: number): Self;
  height(rows: number): Self;
  datasource(reference: common.DataSourceRef): Self;
  noValue(text: string): Self;
}

function describe<Self extends AnyPanelBuilder<Self>>(panel: Self, words: PanelWords): Self {
  const described = panel
    .title(words.title)
    .description(words.description)
    .unit(words.unit)
    .span(words.width)
    .height(words.height)
    .datasource(datasource);
  return words.noValue === undefined ? described : described.noValue(words.noValue);
}

function target({ expr, legend = "", exemplars = false }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(legend)
    .exemplar(exemplars);
}

function thresholds(steps: Steps): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]) => ({ value: value ?? null, color })));
}

function mappings(states: States): dashboard.ValueMapping[] {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, [shown, color]], index) => [value, { text: shown, color, index }]),
  );
  return [{ type: dashboard.MappingType.ValueToText, options }];
}

const byThreshold = new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds);

/** One number, of the present or over the shown time. */
export function numberPanel(
  words: PanelWords & { readonly query: Query; readonly steps: Steps; readonly decimals?: number },
): Panel {
  const panel = describe(new stat.PanelBuilder(), words)
    .withTarget(target(words.query, 0).instant())
    .thresholds(thresholds(words.steps))
    .colorScheme(byThreshold)
    .colorMode(common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false));
  return words.decimals === undefined ? panel : panel.decimals(words.decimals);
}

/** The colours of the names that a panel's series can have. */
function coloursOf(queries: readonly Query[]): readonly (readonly [name: string, colour: string])[] {
  return queries.flatMap(({ legend = "" }) => {
    const label = /^\{\{(\w+)\}\}$/.exec(legend)?.[1];
    const names = label === undefined ? [legend] : (namesOf[label] ?? []);
    return names.flatMap((name) => (colours[name] === undefined ? [] : [[name, colours[name]] as const]));
  });
}

/** Lines over time, or, stacked, areas. */
export function linesPanel(
  words: PanelWords & {
    readonly queries: readonly Query[];
    readonly stacked?: boolean;
    /** Drawn as lines at the values. */
    readonly steps?: Steps;
    readonly max?: number;
    readonly logarithmic?: boolean;
  },
): Panel {
  const { queries, stacked = false, steps, max, logarithmic = false } = words;
  const panel = describe(new timeseries.PanelBuilder(), words)
    .targets(queries.map(target))
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (max !== undefined) panel.max(max);
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group("A"));
  if (logarithmic)
    panel.scaleDistribution(
      new common.ScaleDistributionConfigBuilder().type(common.ScaleDistribution.Log).log(10),
    );
  if (steps !== undefined) {
    panel
      .thresholds(thresholds(steps))
      .thresholdsStyle(
        new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
      );
  }
  for (const [name, color] of coloursOf(queries)) {
    panel.overrideByName(name, [{ id: "color", value: { mode: "fixed", fixedColor: color } }]);
  }
  return panel;
}

/** How often each duration occurs over time, from the buckets of a histogram. */
export function heatmapPanel(words: PanelWords & { readonly query: Query }): Panel {
  return describe(new heatmap.PanelBuilder(), words)
    .withTarget(target({ legend: "{{le}}", ...words.query }, 0).format(PromQueryFormat.Heatmap))
    .calculate(false)
    .cellGap(1)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(words.unit))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme("Turbo")
        .exponent(0.5)
        .steps(64),
    )
    .exemplarsColor("rgba(255,255,255,0.8)")
    .showLegend();
}

/** States over time, one bar for each series: shows since when. */
export function statesPanel(words: PanelWords & { readonly query: Query; readonly states: States }): Panel {
  return describe(new timeline.PanelBuilder(), words)
    .withTarget(target(words.query, 0))
    .mappings(mappings(words.states))
    .thresholds(thresholds([[undefined, levels.good]]))
    .colorScheme(byThreshold)
    .showValue(common.VisibilityMode.Auto)
    .mergeValues(true)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(false),
    );
}

/** The series of one moment, worst first. `columns` names the labels to show, in order, and the value's column. */
export function tablePanel(
  words: PanelWords & {
    readonly query: Query;
    readonly columns: Readonly<Record<string, string>>;
    readonly valueTitle: string;
    readonly steps: Steps;
    /** Where a click on a row's first cell leads. */
    readonly link?: { readonly title: string; readonly url: string };
  },
): Panel {
  const { columns, valueTitle, link } = words;
  const names = [...Object.keys(columns), "Value"];
  const panel = describe(new table.PanelBuilder(), words)
    .withTarget(target(words.query, 0).instant().format(PromQueryFormat.Table))
    .thresholds(thresholds(words.steps))
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: { ...columns, Value: valueTitle },
      },
    })
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(valueTitle).desc(true)])
    .overrideByName(valueTitle, [
      { id: "custom.cellOptions", value: { type: "color-background", mode: "basic" } },
    ]);
  const [first] = Object.values(columns);
  if (link !== undefined && first !== undefined) {
    panel.overrideByName(first, [{ id: "links", value: [link] }]);
  }
  return panel;
}

/** Text in Markdown; the only kind without a query. */
export function textPanel(
  words: Omit<PanelWords, "unit" | "noValue"> & { readonly markdown: string },
): Panel {
  return new text.PanelBuilder()
    .title(words.title)
    .description(words.description)
    .span(words.width)
    .height(words.height)
    .mode(text.TextMode.Markdown)
    .content(words.markdown);
}
