/** The alerts, their tests, their runbook, and the files that put dashboards, rules and data sources together. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runbookUrl, uids } from "../../grafana/boards/board.ts";
import { readRules } from "./alert-rules.ts";
import { readPromql } from "./promql.ts";

const grafana = new URL("../../grafana/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, grafana), "utf8");
const { alerts, recordings } = readRules();
const readme = read("README.md");

/** The way GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .replaceAll(" ", "-");
}

describe.each(alerts.map((alert) => ({ ...alert })))("$name", ({ name, expr, labels, annotations }) => {
  it("says how urgent it is, what it is, and where to read on", () => {
    expect(name).toMatch(/^MovaWebhook[A-Z]\w+$/);
    expect(["critical", "warning", "info"]).toContain(labels["severity"]);
    expect(new Set(Object.keys(annotations))).toEqual(new Set(["description", "runbook_url", "summary"]));
    const row = new RegExp(`^\\| \`${name}\` +\\| ${labels["severity"]} +\\|`, "m");
    expect(readme).toMatch(row);
  });

  it("has a section in the runbook, with a first line of what to do", () => {
    const [url, anchor] = (annotations["runbook_url"] ?? "").split("#");
    expect(url).toBe(runbookUrl);
    const sections = new Map(
      [...readme.matchAll(/^### (.+)\n\n(.+)$/gm)].map(([, heading = "", first]) => [
        anchorOf(heading),
        first,
      ]),
    );
    const words = name.replace("MovaWebhook", "").replaceAll(/(?<!^)([A-Z])/g, " $1");
    expect(anchor).toBe(anchorOf(`Runbook: ${words}`));
    expect(sections.get(anchor ?? "")?.length).toBeGreaterThan(40);
  });

  it("is PromQL", () => {
    expect(readPromql(expr).mistakes).toEqual([]);
  });

  it("is tested both firing and not firing", () => {
    const cases = ["alerts/alerts.test.yml", "alerts/alerts.days.test.yml"].flatMap((file) =>
      (parse(read(file)) as TestFile).tests.flatMap((test) => test.alert_rule_test ?? []),
    );
    const own = cases.filter(({ alertname }) => alertname === name);
    expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
    expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
  });
});

interface TestFile {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

it.each(recordings.map((rule) => ({ ...rule })))(
  "recording rule $name is PromQL and named level:metric:operation",
  ({ name, expr }) => {
    expect(name).toMatch(/^mova_webhook:\w+:\w+$/);
    expect(readPromql(expr).mistakes).toEqual([]);
  },
);

it("the runbook has no section that no alert leads to", () => {
  const sections = readme.match(/^### Runbook: .+$/gm) ?? [];
  expect(sections).toHaveLength(alerts.length);
});

describe("docker-compose.yml", () => {
  const { services } = parse(read("docker-compose.yml")) as {
    readonly services: Readonly<
      Record<string, { readonly image: string; readonly volumes: readonly string[] }>
    >;
  };

  it("pins every image to a version", () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+$/);
    expect(new Set(Object.keys(services))).toEqual(new Set(["grafana", "prometheus", "tempo"]));
  });

  it("mounts and names files that exist", () => {
    const mounts = Object.values(services).flatMap(({ volumes }) =>
      volumes.map((volume) => volume.split(":")),
    );
    const isThere = (path: string): boolean => existsSync(new URL(path, grafana));
    expect(mounts.map(([from = ""]) => `${from}/`).filter((path) => !isThere(path))).toEqual([]);
    const named = [...JSON.stringify(services).matchAll(/\/etc\/mova-webhooks\/([\w./-]+)/g)];
    expect(named.length).toBeGreaterThan(2);
    expect(named.map(([, path = ""]) => path).filter((path) => !isThere(path))).toEqual([]);
  });
});

describe("provisioning", () => {
  it("gives the data sources fixed ids, and exemplars a way to their trace", () => {
    const { datasources } = parse(read("provisioning/datasources/mova-webhooks.yml")) as {
      readonly datasources: readonly {
        readonly uid: string;
        readonly type: string;
        readonly jsonData?: {
          readonly exemplarTraceIdDestinations?: readonly {
            readonly name: string;
            readonly datasourceUid: string;
          }[];
        };
      }[];
    };
    const tempo = datasources.find(({ type }) => type === "tempo");
    const prometheus = datasources.find(({ type }) => type === "prometheus");
    expect(tempo?.uid).toMatch(/^mova-webhooks-/);
    expect(prometheus?.uid).toMatch(/^mova-webhooks-/);
    // The label that exemplars carry.
    const destination = { name: "trace_id", datasourceUid: tempo?.uid };
    expect(prometheus?.jsonData?.exemplarTraceIdDestinations).toEqual([destination]);
  });

  it("reads the dashboards of this folder, and rules that exist", () => {
    expect(read("provisioning/dashboards/mova-webhooks.yml")).toContain(
      "path: /etc/mova-webhooks/dashboards",
    );
    const { rule_files } = parse(read("provisioning/prometheus.yml")) as {
      readonly rule_files: readonly string[];
    };
    const isThere = (path: string): boolean => existsSync(new URL(`provisioning/${path}`, grafana));
    expect(rule_files.filter((path) => !isThere(path))).toEqual([]);
    for (const uid of Object.values(uids)) expect(readme).toContain(`\`${uid}\``);
  });
});
