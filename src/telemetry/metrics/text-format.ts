/**
 * Plain Prometheus text out of OpenMetrics text.
 *
 * Asking prom-client for both formats would break the first: an OpenMetrics scrape takes `_total` off the names
 * of its counters for good.
 */

/** Name, labels and value of a sample; what follows them is an exemplar. Label values may hold any character. */
const sample = /^[a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? \S+/;

export function toTextFormat(openMetricsText: string): string {
  const countersFound = openMetricsText.matchAll(/^# TYPE (\S+) counter$/gm);
  const counters = new Set(Array.from(countersFound, ([, name]) => name));
  const lines = openMetricsText.split("\n").filter((line) => line !== "# EOF");
  return lines.map(toTextLine).join("\n");

  function toTextLine(line: string): string {
    if (!line.startsWith("#")) return line.includes(" # {") ? (sample.exec(line)?.[0] ?? line) : line;
    return line.replace(/^(# (?:HELP|TYPE) )(\S+)/, (whole, start: string, name: string) => {
      return counters.has(name) ? `${start}${name}_total` : whole;
    });
  }
}
