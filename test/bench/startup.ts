/** What it costs to load: the main entry, and a program with nothing configured under the flag. */
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { type Row, series } from "./measure.ts";

const rounds = 9;

/** Milliseconds that a fresh process takes for an import, as it measures them itself. */
function importMs(specifier: string): number {
  const program = `const t = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - t)`;
  const cwd = new URL("../..", import.meta.url).pathname;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd,
    encoding: "utf8",
  });
  return Number(stdout);
}

/** Milliseconds of a whole process that does nothing. */
function processMs(flags: readonly string[]): number {
  const startedAt = performance.now();
  spawnSync(process.execPath, [...flags, "-e", "0"], { cwd: tmpdir() });
  return performance.now() - startedAt;
}

export function startup(): Row[] {
  const main: number[] = [];
  const bare: number[] = [];
  const flagged: number[] = [];
  const register = new URL("../../dist/src/instrumentation/register.js", import.meta.url).href;
  for (let round = 0; round <= rounds; round += 1) {
    const measured = [importMs("mova-webhooks"), processMs([]), processMs(["--import", register])] as const;
    if (round === 0) continue;
    main.push(measured[0]);
    bare.push(measured[1]);
    flagged.push(measured[2]);
  }
  const { median, min, max } = series(main);
  const extra = series(flagged.map((ms, index) => ms - (bare[index] ?? 0)));
  return [
    {
      name: "importing the main entry",
      value: median,
      unit: "ms",
      spread: [min, max],
      bound: { atMost: 120 },
    },
    {
      name: "a program with nothing configured, started with --import mova-webhooks/register",
      value: extra.median,
      unit: "ms more",
      spread: [extra.min, extra.max],
    },
  ];
}
