/** Runs a real Prometheus with this folder's configuration and rules, and asks it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/support/free-port.ts";

/** One series of an answer; one point for an instant query. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [unixSeconds: number, value: number])[];
}

interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timestamp: number;
}

/** The questions Prometheus answers. */
export interface PrometheusApi {
  query(expr: string): Promise<readonly Series[]>;
  queryRange(
    expr: string,
    fromSeconds: number,
    toSeconds: number,
    stepSeconds: number,
  ): Promise<readonly Series[]>;
  exemplars(expr: string, fromSeconds: number, toSeconds: number): Promise<readonly Exemplar[]>;
  /** Any other address of its API, for example `rules`. */
  get(path: string): Promise<unknown>;
}

export interface RunningPrometheus extends PrometheusApi {
  readonly url: string;
  stop(): Promise<void>;
}

/** Whether Prometheus and its tool are installed. */
export function hasPrometheus(): boolean {
  return ["prometheus", "promtool"].every((program) => spawnSync(program, ["--version"]).status === 0);
}

const grafana = new URL("../", import.meta.url);

/** Copies the configuration with another target and pace into a folder of its own; answers its path. */
function writeConfiguration(folder: string, target: string, everySeconds: number): string {
  const every = `${everySeconds}s`;
  for (const rules of ["recording.yml", "alerts.yml"]) {
    const text = readFileSync(new URL(`alerts/${rules}`, grafana), "utf8");
    writeFileSync(join(folder, rules), text.replace(/interval: 30s/, `interval: ${every}`));
  }
  const text = readFileSync(new URL("provisioning/prometheus.yml", grafana), "utf8")
    .replaceAll("../alerts/", `${folder}/`)
    .replace("127.0.0.1:9464", target)
    .replaceAll(/_interval: 5s/g, `_interval: ${every}`);
  const path = join(folder, "prometheus.yml");
  writeFileSync(path, text);
  return path;
}

/** Starts Prometheus on a free port; `everySeconds` is the pace of scrapes and rules. */
export async function startPrometheus(metricsUrl: string, everySeconds: number): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-prometheus-"));
  const port = await freePort();
  const child = spawn(
    "prometheus",
    [
      `--config.file=${writeConfiguration(folder, new URL(metricsUrl).host, everySeconds)}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "inherit"], cwd: fileURLToPath(grafana) },
  );
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200 && !(await isReady(url)); tries += 1) await wait(100);
  return {
    url,
    ...askPrometheus(url),
    async stop() {
      child.kill("SIGTERM");
      const killing = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(killing);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks the Prometheus at a URL. */
export function askPrometheus(url: string): PrometheusApi {
  async function ask(path: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
    const body = new URLSearchParams(
      Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
    );
    return read(path, await fetch(`${url}/api/v1/${path}`, { method: "POST", body }));
  }

  return {
    async query(expr) {
      return toSeries(await ask("query", { query: expr }));
    },
    async queryRange(expr, start, end, step) {
      return toSeries(await ask("query_range", { query: expr, start, end, step }));
    },
    async exemplars(expr, start, end) {
      const answer = await ask("query_exemplars", { query: expr, start, end });
      return (answer as readonly { readonly exemplars: readonly Exemplar[] }[]).flatMap(
        ({ exemplars }) => exemplars,
      );
    },
    async get(path) {
      return read(path, await fetch(`${url}/api/v1/${path}`));
    },
  };
}

async function read(path: string, response: Response): Promise<unknown> {
  const answer = (await response.json()) as { readonly data?: unknown; readonly error?: string };
  if (!response.ok) throw new Error(`Prometheus refused ${path}: ${answer.error ?? response.status}`);
  return answer.data;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

type Point = readonly [number, string];

interface Answer {
  readonly resultType: string;
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value?: Point;
    readonly values?: readonly Point[];
  }[];
}

function toSeries(data: unknown): readonly Series[] {
  return (data as Answer).result.map(({ metric, value, values }) => ({
    metric,
    points: (values ?? (value === undefined ? [] : [value])).map(([at, text]) => [at, Number(text)] as const),
  }));
}
