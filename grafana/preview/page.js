/** Draws one dashboard in the browser from `picture`: see draw.ts. */

const { picture, uPlot } = globalThis;
const rowPixels = 33;
const gapPixels = 8;

const palette = {
  green: "#73bf69",
  red: "#f2495c",
  orange: "#ff9830",
  yellow: "#fade2a",
  blue: "#5794f2",
  purple: "#b877d9",
  "light-blue": "#8ab8ff",
  "light-orange": "#ffb357",
  "dark-yellow": "#e0b400",
  "dark-orange": "#fa6400",
  "dark-purple": "#8f3bb8",
  "super-light-purple": "#deb6f2",
  "dark-red": "#c4162a",
  "light-red": "#ff7383",
  "semi-dark-blue": "#3274d9",
};
const classic = [
  "#73bf69",
  "#fade2a",
  "#5794f2",
  "#ff9830",
  "#f2495c",
  "#b877d9",
  "#8ab8ff",
  "#e0b400",
  "#96d98d",
  "#ffb357",
];

const main = document.querySelector("main");
const width = document.body.clientWidth - 32;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function drawFrame() {
  const header = make("header");
  header.append(make("h1", "", picture.title), make("span", "", picture.description));
  header.append(make("span", "note", "Preview drawn from real Prometheus data: not a screenshot of Grafana"));
  const nav = make("nav");
  for (const [name, value] of Object.entries(picture.variables)) {
    const chip = make("span");
    chip.append(make("b", "", name), value);
    nav.append(chip);
  }
  for (const [index, title] of picture.links.entries()) {
    const link = make("span", "link", `↗ ${title}`);
    if (index === 0) link.style.marginLeft = "auto";
    nav.append(link);
  }
  main.before(header, nav);
}

/* Units and numbers -------------------------------------------------------------------------------------------- */

function short(value, digits = 3) {
  if (Number.isInteger(value) && Math.abs(value) < 1000) return String(value);
  return String(Number(value.toPrecision(digits)));
}

function scaled(value, steps) {
  const [factor, suffix] =
    value === 0
      ? [1, steps.find(([from]) => from === 1)[1]]
      : (steps.find(([from]) => Math.abs(value) >= from) ?? steps.at(-1));
  return `${short(value / factor)}${suffix}`;
}

const thousands = [
  [1e9, " B"],
  [1e6, " M"],
  [1e3, " K"],
  [1, ""],
];

function format(value, unit, decimals) {
  if (value === undefined || value === null || Number.isNaN(value)) return "–";
  switch (unit) {
    case "percentunit":
      return `${decimals === undefined ? short(value * 100) : (value * 100).toFixed(decimals)} %`;
    case "s":
      return scaled(value, [
        [86_400, " d"],
        [3600, " h"],
        [60, " min"],
        [1, " s"],
        [1e-3, " ms"],
        [1e-6, " µs"],
      ]);
    case "bytes":
      return scaled(value, [
        [2 ** 30, " GiB"],
        [2 ** 20, " MiB"],
        [2 ** 10, " KiB"],
        [1, " B"],
      ]);
    case "cps":
      return `${short(value)} c/s`;
    case "eps":
      return `${short(value)} evt/s`;
    case "ops":
      return `${short(value)} ops/s`;
    default:
      return decimals === undefined || Math.abs(value) >= 1000
        ? scaled(value, thousands)
        : value.toFixed(decimals);
  }
}

function thresholdColour(value, panel) {
  const steps = panel.fieldConfig?.defaults?.thresholds?.steps ?? [];
  let colour = "green";
  for (const step of steps) if (step.value === null || value >= step.value) colour = step.color;
  return palette[colour] ?? colour;
}

function seriesColour(name, index, panel) {
  const override = panel.fieldConfig?.overrides?.find(({ matcher }) => matcher.options === name);
  const fixed = override?.properties.find(({ id }) => id === "color")?.value.fixedColor;
  return fixed === undefined ? classic[index % classic.length] : (palette[fixed] ?? fixed);
}

/* Panels ------------------------------------------------------------------------------------------------------- */

function drawNothing(section, panel) {
  section.append(make("div", "nothing", panel.fieldConfig?.defaults?.noValue ?? "No data"));
}

function drawNumber(section, { panel, series }) {
  const value = series[0]?.points.at(-1)?.[1];
  const { unit, decimals, noValue } = panel.fieldConfig.defaults;
  const isKnown = value !== undefined && !Number.isNaN(value) && value !== null;
  const node = make("div", "number", isKnown ? format(value, unit, decimals) : (noValue ?? "–"));
  const colour = isKnown ? thresholdColour(value, panel) : "#2c2f38";
  node.style.background = `linear-gradient(120deg, color-mix(in srgb, ${colour} 60%, #181b1f), color-mix(in srgb, ${colour} 82%, #181b1f))`;
  section.append(node);
}

function drawTable(section, { panel, series }) {
  const { renameByName: titles } = panel.transformations[0].options;
  const columns = Object.keys(titles).filter((name) => name !== "Value");
  const table = make("table");
  const head = make("tr");
  for (const name of [...columns, "Value"]) head.append(make("th", "", titles[name]));
  table.append(head);
  for (const { metric, points } of series.toSorted((one, other) => other.points[0][1] - one.points[0][1])) {
    const row = make("tr");
    for (const column of columns) row.append(make("td", "", metric[column]));
    const value = points.at(-1)[1];
    const cell = make("td", "", format(value, panel.fieldConfig.defaults.unit));
    cell.style.background = `color-mix(in srgb, ${thresholdColour(value, panel)} 70%, #181b1f)`;
    row.append(cell);
    table.append(row);
  }
  section.append(table);
}

function drawText(section, { panel }) {
  const node = make("div", "text");
  for (const paragraph of panel.options.content.split("\n\n")) {
    const line = make("p");
    for (const [, bold, italic, code, plain] of paragraph.matchAll(
      /\*\*(.+?)\*\*|_(.+?)_|`(.+?)`|([^*`_]+)/g,
    )) {
      if (bold) line.append(make("b", "", bold));
      else if (italic) line.append(make("i", "", italic));
      else if (code) line.append(make("code", "", code));
      else line.append(plain);
    }
    node.append(line);
  }
  section.append(node);
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

function drawStates(section, { panel, series }, height) {
  const { fromSeconds, toSeconds } = picture;
  const { options } = panel.fieldConfig.defaults.mappings[0];
  const names = Math.min(190, Math.max(...series.map(({ name }) => name.length)) * 6.3 + 10);
  const box = make("div", "states");
  section.append(box);
  const inner = section.clientWidth - 20 - names;
  const each = Math.min(34, (height - 60) / series.length);
  const at = (seconds) => ((seconds - fromSeconds) / (toSeconds - fromSeconds)) * inner;
  const step = (toSeconds - fromSeconds) / 180;
  for (const [index, { name, points }] of series.entries()) {
    const label = make("div", "stateName", name);
    Object.assign(label.style, { top: `${index * each + each * 0.22}px`, left: 0, width: `${names - 6}px` });
    box.append(label);
    const runs = [];
    for (const [time, value] of points) {
      const last = runs.at(-1);
      if (last?.value === value && time - last.to < step * 1.5) last.to = time;
      else runs.push({ value, from: time, to: time });
    }
    for (const { value, from, to } of runs) {
      const { text, color } = options[value] ?? { text: String(value), color: "blue" };
      const wide = Math.max(2, at(Math.min(to + step, toSeconds)) - at(from));
      const bar = make("div", "state", wide > text.length * 7 ? text : "");
      Object.assign(bar.style, {
        left: `${names + at(from)}px`,
        width: `${wide}px`,
        top: `${index * each}px`,
        height: `${each * 0.8}px`,
        background: palette[color] ?? color,
      });
      box.append(bar);
    }
  }
  const axis = make("div", "axis");
  for (let part = 0; part <= 4; part += 1) {
    const seconds = fromSeconds + ((toSeconds - fromSeconds) * part) / 4;
    const tick = make("span", "", clock.format(seconds * 1000));
    tick.style.left = `${names + 14 + (inner - 28) * (part / 4)}px`;
    axis.append(tick);
  }
  section.append(axis);
}

function drawLegend(section, panel, rows, mostRows) {
  const legend = make("div", "legend");
  const head = make("div", "head");
  head.append(make("span", "", "Name"), make("span", "", "Last"), make("span", "", "Max"));
  legend.append(head);
  const { unit } = panel.fieldConfig.defaults;
  for (const { name, colour, values } of rows.slice(0, mostRows)) {
    const numbers = values.filter((value) => value !== null && Number.isFinite(value));
    const row = make("div");
    const label = make("span");
    const mark = make("i");
    mark.style.background = colour;
    label.append(mark, name || "value");
    row.append(
      label,
      make("span", "", format(numbers.at(-1), unit)),
      make("span", "", format(numbers.length === 0 ? undefined : Math.max(...numbers), unit)),
    );
    legend.append(row);
  }
  if (rows.length > mostRows) legend.append(make("div", "", `+ ${rows.length - mostRows} more`));
  section.append(legend);
  return legend.offsetHeight;
}

/** Axes as Grafana draws them. */
function axesOf(unit) {
  const common = { stroke: "#9a9aac", grid: { stroke: "#23262d", width: 1 }, ticks: { show: false } };
  const font = "10px DejaVu Sans";
  return [
    {
      ...common,
      font,
      size: 24,
      space: 70,
      values: (_, times) => times.map((time) => clock.format(time * 1000)),
    },
    {
      ...common,
      font,
      size: 58,
      space: 28,
      values: (_, values) => values.map((value) => format(value, unit)),
    },
  ];
}

function drawExemplars(plot, exemplars) {
  const { ctx } = plot;
  const { left, top, width: wide, height: high } = plot.bbox;
  ctx.save();
  ctx.fillStyle = "#c7d0ff";
  for (const [time, value] of exemplars) {
    const x = plot.valToPos(time, "x", true);
    const y = plot.valToPos(value, "y", true);
    if (x < left || x > left + wide || y < top || y > top + high) continue;
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(Math.PI / 4);
    ctx.fillRect(-2.6, -2.6, 5.2, 5.2);
    ctx.restore();
  }
  ctx.restore();
}

function drawThresholds(plot, panel) {
  const { ctx } = plot;
  const { left, top, width: wide, height: high } = plot.bbox;
  ctx.save();
  ctx.setLineDash([6, 5]);
  for (const { value, color } of panel.fieldConfig.defaults.thresholds?.steps ?? []) {
    if (value === null) continue;
    const y = plot.valToPos(value, "y", true);
    if (y < top || y > top + high) continue;
    ctx.strokeStyle = palette[color] ?? color;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + wide, y);
    ctx.stroke();
  }
  ctx.restore();
}

function drawLines(section, { panel, series, exemplars }, height) {
  const { fromSeconds, toSeconds } = picture;
  const { unit, custom, max } = panel.fieldConfig.defaults;
  const step = (toSeconds - fromSeconds) / 180;
  const times = Array.from({ length: 181 }, (_, index) => fromSeconds + index * step);
  const rows = series.map(({ name, points }, index) => {
    const values = times.map(() => null);
    for (const [time, value] of points) {
      if (Number.isFinite(value)) values[Math.round((time - fromSeconds) / step)] = value;
    }
    return { name, values, colour: seriesColour(name, index, panel) };
  });
  const legendHeight = drawLegend(section, panel, rows, height > 300 ? 6 : 4);
  const isStacked = custom?.stacking?.mode === "normal";
  const drawn = rows.map(({ values }) => values);
  if (isStacked) {
    const below = times.map(() => 0);
    for (const [index, values] of drawn.entries()) {
      drawn[index] = values.map((value, place) => (below[place] += value ?? 0));
    }
  }
  const all = drawn.flat().filter((value) => value !== null);
  const shown = Math.max(
    ...all,
    ...exemplars.map(([, value]) => value).filter((value) => value < Math.max(...all) * 3),
  );
  const top = max ?? (shown > 0 ? shown * 1.1 : 1);
  const chart = make("div", "chart");
  section.append(chart);
  const thresholdsShown = custom?.thresholdsStyle?.mode === "dashed";
  const options = {
    width: section.clientWidth - 8,
    height: height - legendHeight - 42,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: [fromSeconds, toSeconds] },
      y: { range: [0, top * (max === undefined ? 1 : 1.02)] },
    },
    axes: axesOf(unit),
    series: [
      {},
      ...rows.map(({ name, colour }) => ({
        label: name,
        stroke: colour,
        width: 1.4,
        fill: `color-mix(in srgb, ${colour} ${isStacked ? 32 : 9}%, transparent)`,
        points: { show: false },
      })),
    ],
    bands: isStacked ? rows.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
    hooks: {
      draw: [
        (plot) => {
          if (thresholdsShown) drawThresholds(plot, panel);
          drawExemplars(plot, exemplars);
        },
      ],
    },
  };
  new uPlot(options, [times, ...drawn], chart);
}

/** The colours of the scheme Turbo, from nothing to most. */
const turbo = [
  "#23171b",
  "#4a58dd",
  "#2f9df5",
  "#27d7c4",
  "#4df884",
  "#95fb51",
  "#dedd32",
  "#ffa423",
  "#f65f18",
  "#ba2208",
];

function drawHeatmap(section, { panel, series, exemplars }, height) {
  const { fromSeconds, toSeconds } = picture;
  const step = (toSeconds - fromSeconds) / 180;
  const bounds = series
    .map(({ metric, points }) => ({
      upper: Number(metric.le.replace("+Inf", "Infinity")),
      points: new Map(points.map(([time, value]) => [Math.round((time - fromSeconds) / step), value])),
    }))
    .toSorted((one, other) => one.upper - other.upper);
  const cells = bounds.map(({ points }, index) =>
    Array.from({ length: 181 }, (_, place) =>
      Math.max(0, (points.get(place) ?? 0) - (bounds[index - 1]?.points.get(place) ?? 0)),
    ),
  );
  const most = Math.max(...cells.flat()) || 1;
  const canvas = make("canvas");
  canvas.width = section.clientWidth - 16;
  canvas.height = height - 44;
  Object.assign(canvas.style, { position: "absolute", left: "6px", top: "32px" });
  section.append(canvas);
  const context = canvas.getContext("2d");
  const [left, bottom] = [56, 22];
  const wide = (canvas.width - left) / 181;
  const high = (canvas.height - bottom) / bounds.length;
  context.font = "10px DejaVu Sans";
  for (const [row, values] of cells.entries()) {
    const y = canvas.height - bottom - (row + 1) * high;
    for (const [place, value] of values.entries()) {
      if (value <= 0) continue;
      context.fillStyle = turbo[Math.min(9, 1 + Math.floor(Math.sqrt(value / most) * 8.99))];
      context.fillRect(left + place * wide, y, Math.ceil(wide), high - 1);
    }
    if (row % 2 === 0) {
      context.fillStyle = "#9a9aac";
      context.textAlign = "right";
      const { upper } = bounds[row];
      context.fillText(
        Number.isFinite(upper) ? format(upper, panel.fieldConfig.defaults.unit) : "+Inf",
        left - 6,
        y + high / 2 + 3,
      );
    }
  }
  context.fillStyle = "rgba(255,255,255,0.85)";
  for (const [time, value] of exemplars) {
    const row = bounds.findIndex(({ upper }) => value <= upper);
    const x = left + ((time - fromSeconds) / step) * wide;
    if (x > left && x < canvas.width)
      context.fillRect(x - 2, canvas.height - bottom - (row + 0.5) * high - 2, 4, 4);
  }
  context.fillStyle = "#9a9aac";
  context.textAlign = "center";
  for (let part = 0; part <= 4; part += 1) {
    const seconds = fromSeconds + ((toSeconds - fromSeconds) * part) / 4;
    context.fillText(
      clock.format(seconds * 1000),
      left + 18 + (canvas.width - left - 36) * (part / 4),
      canvas.height - 6,
    );
  }
}

const kinds = {
  stat: drawNumber,
  table: drawTable,
  text: drawText,
  timeseries: drawLines,
  heatmap: drawHeatmap,
  "state-timeline": drawStates,
};

function drawPanel(shown) {
  const { panel, series } = shown;
  const { x, y, w, h } = panel.gridPos;
  const column = (width + gapPixels) / 24;
  const height = h * (rowPixels + gapPixels / 2) - gapPixels / 2;
  const section = make("section", panel.type === "row" ? "row" : "");
  Object.assign(section.style, {
    left: `${x * column}px`,
    top: `${y * (rowPixels + gapPixels / 2)}px`,
    width: `${w * column - gapPixels}px`,
    height: `${height}px`,
  });
  main.append(section);
  if (panel.type === "row") {
    section.textContent = panel.title;
    return;
  }
  section.append(make("h2", "", panel.title));
  if (series.length === 0 && !["text", "stat"].includes(panel.type)) drawNothing(section, panel);
  else kinds[panel.type](section, shown, height);
}

drawFrame();
for (const shown of picture.panels) drawPanel(shown);
const bottom = Math.max(...picture.panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h));
main.style.height = `${bottom * (rowPixels + gapPixels / 2)}px`;
main.dataset.drawn = "yes";
