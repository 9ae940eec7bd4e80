/** `npm run bench`: every row of the speed table and what explains it, in one run. `--json` prints JSON. */
import { cpus, totalmem } from "node:os";
import { backlog } from "./backlog.ts";
import { calls } from "./calls.ts";
import { isolation } from "./isolation.ts";
import { meets, type Row } from "./measure.ts";
import { byBacklog, byEndpoints, latency } from "./scale.ts";
import { stages } from "./stages.ts";
import { startup } from "./startup.ts";
import { throughput } from "./throughput.ts";
import { verify } from "./verify.ts";

const json = process.argv.includes("--json");
const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

const suites: readonly (() => Promise<Row[]> | Row[])[] = [
  () => throughput({ rounds: 5, count: 30_000 }),
  calls,
  () => backlog(100_000),
  isolation,
  startup,
  stages,
  () => latency(5),
  () => byEndpoints([1, 10, 100, 1000], 10_000),
  () => byBacklog([0, 10_000, 1_000_000], 10_000),
  verify,
];

const rows: Row[] = [];
if (!json) console.log(machine);
for (const suite of suites) {
  for (const row of await suite()) {
    rows.push(row);
    if (!json) console.log(show(row));
  }
}
if (json) console.log(JSON.stringify({ machine, rows }, undefined, 2));
const missed = rows.filter((row) => !meets(row));
if (!json) console.log(missed.length === 0 ? "every bound is met" : `${missed.length} bounds are missed`);
process.exit(0);

function show(row: Row): string {
  const { name, value, unit, spread, bound, note } = row;
  const wanted =
    bound === undefined
      ? ""
      : "atLeast" in bound
        ? ` (at least ${bound.atLeast})`
        : ` (at most ${bound.atMost.toFixed(1)})`;
  const mark = bound === undefined ? " " : meets(row) ? "✓" : "✗";
  const range = spread === undefined ? "" : `  [${round(spread[0])} … ${round(spread[1])}]`;
  return `${mark} ${name}: ${round(value)} ${unit}${wanted}${range}${note === undefined ? "" : `  — ${note}`}`;
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
