/** Plain Prometheus text made out of OpenMetrics text. */
import { expect, it } from "vitest";
import { toTextFormat } from "../../src/telemetry/metrics/text-format.ts";

it("gives counters their `_total` back, and drops exemplars and the end mark", () => {
  const openMetrics = `# HELP jobs Jobs done.
# TYPE jobs counter
jobs_total{queue="a"} 4 # {trace_id="4bf9"} 1 1700000000.5
# HELP wait_seconds Waiting.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1",queue="a"} 2 # {trace_id="4bf9"} 0.7 1700000000.5
wait_seconds_bucket{le="+Inf",queue="a"} 2
wait_seconds_sum{queue="a"} 0.9
wait_seconds_count{queue="a"} 2
# HELP up Up.
# TYPE up gauge
up 1
# EOF
`;
  expect(toTextFormat(openMetrics)).toBe(`# HELP jobs_total Jobs done.
# TYPE jobs_total counter
jobs_total{queue="a"} 4
# HELP wait_seconds Waiting.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1",queue="a"} 2
wait_seconds_bucket{le="+Inf",queue="a"} 2
wait_seconds_sum{queue="a"} 0.9
wait_seconds_count{queue="a"} 2
# HELP up Up.
# TYPE up gauge
up 1
`);
});

it("leaves label values alone that look like an exemplar", () => {
  const line = String.raw`jobs_total{a="} 5 # {x=\"1\"} 2",b="\\"} 4`;
  expect(toTextFormat(`${line} # {trace_id="4bf9"} 1 1\n# EOF\n`)).toBe(`${line}\n`);
  expect(toTextFormat(`${line}\n# EOF\n`)).toBe(`${line}\n`);
});
