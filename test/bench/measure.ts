/** How the benchmarks measure: interleaved runs, medians with their spread, CPU a piece. */

export interface Run {
  readonly perSecond: number;
  /** User and system time of this process for one piece of work. */
  readonly cpuMicroseconds: number;
}

export interface Series {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One line of the result. `bound` is what PRODUCT.md section 13 asks for. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly spread?: readonly [number, number];
  readonly bound?: { readonly atLeast: number } | { readonly atMost: number };
  readonly note?: string;
}

/** Times `count` pieces of work. */
export async function time(count: number, work: () => Promise<void>): Promise<Run> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuMicroseconds: (user + system) / count };
}

export function series(values: readonly number[]): Series {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: percentile(sorted, 50), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Of sorted values. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

/** Runs A B A B …, each `rounds` times after one round that is not counted, so that both see the same machine. */
export async function interleave<Names extends string>(
  rounds: number,
  contestants: Readonly<Record<Names, () => Promise<Run>>>,
): Promise<Readonly<Record<Names, readonly Run[]>>> {
  const names = Object.keys(contestants) as Names[];
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Names, Run[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const run = await contestants[name]();
      if (round > 0) runs[name].push(run);
    }
  }
  return runs;
}

export function meets({ value, bound }: Row): boolean {
  if (bound === undefined) return true;
  return "atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost;
}
