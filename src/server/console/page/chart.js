/** Attempts per second, stacked by outcome, over the last three minutes. */
import { byId, h, sync } from "./dom.js";
import { outcomes, timeText } from "./words.js";

const shownSeconds = 180;
const seconds = new Map();
let plot;
let last = 0;

/** First second that is worth asking for: the last one known may have grown. */
export const wantedFrom = () => Math.max(0, last - 2);

export function updateChart(now, fresh) {
  for (const second of fresh) seconds.set(second.at, second.outcomes);
  last = Math.floor(now / 1000);
  for (const at of seconds.keys()) if (at <= last - shownSeconds) seconds.delete(at);
  const data = stack();
  if (plot === undefined) plot = draw(data);
  else plot.setData(data);
  describe();
}

/** uPlot draws the first series first: the whole pile, then ever less of it in front. */
function stack() {
  const times = Array.from({ length: shownSeconds }, (_, index) => last - shownSeconds + 1 + index);
  const pile = new Float64Array(shownSeconds);
  const series = outcomes.map((outcome) => {
    times.forEach((at, index) => (pile[index] += seconds.get(at)?.[outcome] ?? 0));
    return [...pile];
  });
  return [times, ...series.reverse()];
}

const color = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(data) {
  const box = byId("chart");
  const { uPlot } = window;
  const size = () => ({ width: box.clientWidth, height: box.clientHeight });
  const axis = { stroke: color("--muted"), font: "11px system-ui", ticks: { show: false } };
  const chart = new uPlot(
    {
      ...size(),
      padding: [8, 22, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false }, points: { show: false } },
      scales: {
        x: { range: (_, min, max) => [min - 0.5, max + 0.5] },
        y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 26,
          space: 90,
          values: (_, all) => all.map((at) => timeText(at * 1000)),
        },
        {
          ...axis,
          size: 38,
          space: 32,
          grid: { stroke: color("--line"), width: 1 },
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
        },
      ],
      series: [
        {},
        ...[...outcomes].reverse().map((outcome) => ({
          label: outcome,
          width: 0,
          fill: color(`--${outcome.replaceAll("_", "-")}`),
          paths: uPlot.paths.bars({ size: [0.8, 8] }),
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [describe] },
    },
    data,
    box,
  );
  new ResizeObserver(() => chart.setSize(size())).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
  return chart;
}

/** Says in words what the picture shows: of the second under the pointer, or of all of them. */
function describe() {
  const index = plot?.cursor.idx;
  const at = index === null || index === undefined ? undefined : last - shownSeconds + 1 + index;
  const totals = new Map();
  for (const [second, counts] of seconds) {
    if (at !== undefined && second !== at) continue;
    for (const [outcome, count] of Object.entries(counts)) {
      totals.set(outcome, (totals.get(outcome) ?? 0) + count);
    }
  }
  byId("chart-when").textContent = at === undefined ? "last 3 min" : `at ${timeText(at * 1000)}`;
  const shown = outcomes
    .filter((outcome) => totals.has(outcome))
    .map((outcome) => [outcome, totals.get(outcome)]);
  sync(
    byId("legend"),
    shown,
    ([outcome]) => outcome,
    ([outcome, count]) =>
      h(
        "li",
        {},
        h("span", { class: `swatch ${outcome.replaceAll("_", "-")}` }),
        `${outcome} `,
        h("b", {}, count.toLocaleString()),
      ),
  );
  const words = shown.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  const label = `Attempts per second by outcome. In the last three minutes ${words === "" ? "none" : words}.`;
  if (at === undefined) byId("chart").setAttribute("aria-label", label);
}
