/** A strict reader of OpenMetrics text: throws where a text breaks the rules that Prometheus and promtool hold it to. */

export interface ParsedSample {
  readonly family: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
    readonly timestamp: number;
  };
}

export interface ParsedMetrics {
  /** Family name → type. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly ParsedSample[];
}

const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const sampleLine =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: # \{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (\S+) (\S+))?$/;
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

export function parseOpenMetrics(text: string): ParsedMetrics {
  if (!text.endsWith("\n# EOF\n")) throw new Error("does not end with # EOF");
  const types = new Map<string, string>();
  const samples: ParsedSample[] = [];
  const seen = new Set<string>();
  let help = "";
  let family = "";
  for (const line of text.slice(0, -"# EOF\n".length).trimEnd().split("\n")) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (meta?.[1] === "HELP") {
      help = meta[2] ?? "";
    } else if (meta?.[1] === "TYPE") {
      family = meta[2] ?? "";
      if (family !== help) throw new Error(`TYPE without HELP: ${line}`);
      if (types.has(family)) throw new Error(`family twice or interleaved: ${line}`);
      types.set(family, meta[3] ?? "");
    } else {
      const sample = parseSample(line, family, types.get(family) ?? "");
      const series = sample.name + JSON.stringify(Object.entries(sample.labels).map(String).toSorted());
      if (seen.has(series)) throw new Error(`series twice: ${line}`);
      seen.add(series);
      samples.push(sample);
    }
  }
  checkHistograms(types, samples);
  return { types, samples };
}

function parseSample(line: string, family: string, type: string): ParsedSample {
  const [matched, name = "", labels = "", value = "", exemplarLabels, exemplarValue = "", timestamp = ""] =
    sampleLine.exec(line) ?? [];
  if (matched === undefined) throw new Error(`not a sample: ${line}`);
  if (!suffixes[type]?.some((suffix) => name === family + suffix))
    throw new Error(`not of ${type} ${family}: ${line}`);
  const sample = { family, name, labels: parseLabels(labels, line), value: parseNumber(value, line) };
  if (type === "counter" && sample.value < 0) throw new Error(`negative counter: ${line}`);
  if (exemplarLabels === undefined) return sample;
  if (!name.endsWith("_total") && !name.endsWith("_bucket"))
    throw new Error(`exemplar not allowed here: ${line}`);
  const exemplar = {
    labels: parseLabels(exemplarLabels, line),
    value: parseNumber(exemplarValue, line),
    timestamp: parseNumber(timestamp, line),
  };
  if (Object.entries(exemplar.labels).flat().join("").length > 128)
    throw new Error(`exemplar too long: ${line}`);
  if (name.endsWith("_bucket") && exemplar.value > parseNumber(sample.labels["le"] ?? "", line)) {
    throw new Error(`exemplar outside its bucket: ${line}`);
  }
  return { ...sample, exemplar };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: [string, string][] = [];
  labelPair.lastIndex = 0;
  while (labelPair.lastIndex < text.length) {
    const match = labelPair.exec(text);
    if (match === null) throw new Error(`labels: ${line}`);
    const [, name = "", value = ""] = match;
    labels.push([name, value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped))]);
  }
  if (new Set(labels.map(([name]) => name)).size !== labels.length) throw new Error(`label twice: ${line}`);
  return Object.fromEntries(labels);
}

function parseNumber(text: string, line: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) throw new Error(`number: ${line}`);
  return Number(text);
}

/** Buckets of a series ascend, their counts do too, and the last is the count. */
function checkHistograms(types: ReadonlyMap<string, string>, samples: readonly ParsedSample[]): void {
  const buckets = new Map<string, { le: number; value: number }>();
  for (const { family, name, labels, value } of samples) {
    if (types.get(family) !== "histogram") continue;
    const { le, ...rest } = labels;
    const series = family + JSON.stringify(rest);
    const last = buckets.get(series);
    if (name === `${family}_bucket`) {
      const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
      if (last !== undefined && (bound <= last.le || value < last.value))
        throw new Error(`buckets of ${series}`);
      buckets.set(series, { le: bound, value });
    } else if (
      name === `${family}_count` &&
      (last?.le !== Number.POSITIVE_INFINITY || last.value !== value)
    ) {
      throw new Error(`count of ${series}`);
    }
  }
}
