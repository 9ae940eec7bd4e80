/** The dashboards: fresh, valid, within the rules of grafana/dashboard-linter, and about metrics that exist. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { Ajv } from "ajv";
import { WebhookManager } from "mova-webhooks";
import { collectDefaultMetrics } from "prom-client";
import { createGenerator } from "ts-json-schema-generator";
import { afterAll, describe, expect, it } from "vitest";
import { runbookUrl } from "../../grafana/boards/board.ts";
import { buildDashboards, toFileText } from "../../grafana/build.ts";
import { panelsOf, readBoards, substitute, type Target, targetsOf } from "../../grafana/live/boards.ts";
import { everyText } from "../support/pages.ts";
import { readRules } from "./alert-rules.ts";
import { deliveryEnds, liveLabels } from "./live-labels.ts";
import { readPromql } from "./promql.ts";

const boards = readBoards();
const readme = readFileSync(new URL("../../grafana/README.md", import.meta.url), "utf8");
const values = { endpoint: ".+", rateInterval: "1m", range: "1h" };

const manager = new WebhookManager({ config: false });
collectDefaultMetrics({ register: manager.registry });
afterAll(() => manager.close());

interface Query {
  readonly where: string;
  readonly panel: Panel;
  readonly target: Target;
}

const queries: readonly Query[] = boards.flatMap(({ file, model }) =>
  panelsOf(model).flatMap((panel) =>
    targetsOf(panel).map((target) => ({ where: `${file}: ${panel.title}`, panel, target })),
  ),
);

/** What the check of each query has to say; empty where nothing is wrong. */
function complaints(check: (query: Query) => readonly string[]): string[] {
  return queries.flatMap((query) => check(query).map((complaint) => `${query.where}: ${complaint}`));
}

describe("the committed dashboards", () => {
  it("are what the build makes of the sources today (if not: npm run dashboards)", () => {
    const built = [...buildDashboards()].map(([file, board]) => [file, toFileText(board)]);
    const committed = boards.map(({ file }) => [
      file,
      readFileSync(new URL(`../../grafana/dashboards/${file}`, import.meta.url), "utf8"),
    ]);
    expect(Object.fromEntries(committed)).toEqual(Object.fromEntries(built));
  });

  it("fit the JSON schema of the SDK's types, which refuses planted mistakes", () => {
    const types = import.meta.resolve("@grafana/grafana-foundation-sdk/dashboard").replace(/index\.js$/, "");
    const schema = createGenerator({
      path: fileURLToPath(`${types}types.gen.d.ts`),
      type: "Dashboard",
      skipTypeCheck: true,
      additionalProperties: true,
    }).createSchema("Dashboard");
    const validate = new Ajv({ strict: false }).compile(schema as object);
    const mistakesOf = (model: unknown): unknown => (validate(model) ? [] : validate.errors);
    expect(boards.map(({ file, model }) => [file, mistakesOf(model)])).toEqual(
      boards.map(({ file }) => [file, []]),
    );
    for (const mistake of [{ graphTooltip: 9 }, { refresh: 5 }, { panels: [{ gridPos: { w: "x" } }] }]) {
      expect(mistakesOf({ ...boards[0]?.model, ...mistake })).not.toEqual([]);
    }
  });

  it("have ids and titles of their own", () => {
    expect(new Set(boards.map(({ model }) => model.uid)).size).toBe(boards.length);
    expect(new Set(boards.map(({ model }) => model.title)).size).toBe(boards.length);
  });

  it("show the runbook in short, one entry for each alert", () => {
    const text = boards.flatMap(({ model }) => panelsOf(model)).find(({ type }) => type === "text");
    const { content } = (text?.options ?? {}) as { readonly content?: string };
    expect(content?.match(/^\*\*.+?\.\*\* .+/gm)).toHaveLength(readRules().alerts.length);
  });
});

describe.each(boards)("$file", ({ model }) => {
  const uids = boards.map((board) => board.model.uid ?? "");
  const variables = model.templating?.list ?? [];

  it("has a fixed uid, no id, and panels with titles of their own", () => {
    expect(model.uid).toMatch(/^mova-webhooks-[a-z]+$/);
    expect(model.id ?? undefined).toBeUndefined();
    const titles = panelsOf(model).map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });

  it("links the other dashboards and the runbook, and nothing that is not there", () => {
    const linked = [...JSON.stringify(model).matchAll(/"\/d\/([\w-]+)/g)].map((match) => match[1] ?? "");
    expect(uids).toEqual(expect.arrayContaining(linked));
    const others = uids.filter((uid) => uid !== model.uid).map((uid) => `/d/${uid}`);
    expect(new Set((model.links ?? []).map(({ url }) => url))).toEqual(
      new Set([...others, `${runbookUrl}#runbook`]),
    );
    expect(readme).toMatch(/^## Runbook$/m);
  });

  it("is a grid of 24 columns, no panel over another", () => {
    const taken = new Map<string, number>();
    for (const { gridPos } of model.panels ?? []) {
      const { x, y, w, h } = gridPos ?? { x: 0, y: 0, w: 0, h: 0 };
      for (let cell = 0; cell < w * h; cell += 1) {
        const place = `${x + (cell % w)} ${y + Math.floor(cell / w)}`;
        taken.set(place, (taken.get(place) ?? 0) + 1);
      }
    }
    expect([...taken].filter(([, panels]) => panels > 1)).toEqual([]);
    expect([...taken.keys()].filter((place) => Number(place.split(" ")[0]) > 23)).toEqual([]);
  });

  // From here on: the rules of grafana/dashboard-linter.
  it("is not editable", () => {
    expect(model.editable).toBe(false);
  });

  it("has one variable for the data source", () => {
    expect(variables.filter(({ type }) => type === "datasource")).toEqual([
      expect.objectContaining({ name: "datasource", label: "Data Source", query: "prometheus" }),
    ]);
  });

  it.each(["job", "instance"])("has the variable %s in the form the linter wants", (name) => {
    expect(variables.find((variable) => variable.name === name)).toMatchObject({
      multi: true,
      includeAll: true,
      allValue: ".+",
      datasource: { uid: "${datasource}" },
    });
  });

  it("reads the values of variables anew when the time changes", () => {
    const stale = variables.filter(({ type, refresh }) => type === "query" && refresh !== 2);
    expect(stale.map(({ name }) => name)).toEqual([]);
  });

  it.each(panelsOf(model).map((panel) => ({ ...panel, targets: targetsOf(panel) })))(
    "panel $title has a title, a description, a unit, queries, and the data source of the variable",
    ({ title, description, type, fieldConfig, datasource, targets }) => {
      expect(title).toMatch(/.+/);
      expect(description).toMatch(/.{15,}/);
      const isText = type === "text";
      expect(fieldConfig?.defaults.unit ?? "").toMatch(isText ? /^$/ : /.+/);
      expect(targets.length > 0).toBe(!isText);
      const sources = [...(isText ? [] : [datasource]), ...targets.map((target) => target.datasource)];
      expect(sources.map((source) => source?.uid)).toEqual(sources.map(() => "${datasource}"));
    },
  );
});

describe("the queries of all panels (rules of grafana/dashboard-linter)", () => {
  it("are PromQL", () => {
    expect(
      complaints(({ target }) =>
        readPromql(substitute(target.expr, values)).mistakes.map((at) => `at ${at}`),
      ),
    ).toEqual([]);
    expect(readPromql("sum by (le) (rate(metric[5m])").mistakes).not.toEqual([]);
  });

  it("take rates over $__rate_interval, and sums of the shown time over $__range", () => {
    const wrong = complaints(({ panel, target }) => {
      const ranges = [...target.expr.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
      const allowed = panel.type === "stat" ? ["$__rate_interval", "$__range"] : ["$__rate_interval"];
      return ranges.filter((range) => !allowed.includes(range));
    });
    expect(wrong).toEqual([]);
  });

  it("choose job and instance; recorded series have only the job", () => {
    const wrong = complaints(({ target }) =>
      readPromql(
        target.expr.replaceAll("$__rate_interval", "1m").replaceAll("$__range", "1h"),
      ).selectors.flatMap(({ metric, matchers }) => {
        if (metric === "ALERTS") return [];
        const wanted = metric.includes(":") ? ["job"] : ["job", "instance"];
        const has = (label: string): boolean =>
          matchers.some(
            ([name, operator, value]) => name === label && operator === "=~" && value === `$${label}`,
          );
        return wanted
          .filter((label) => !has(label))
          .map((label) => `${metric} without ${label}=~"$${label}"`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("look at counters only through rate and increase", () => {
    const wrong = complaints(({ target }) =>
      readPromql(substitute(target.expr, values))
        .selectors.filter(({ metric }) => /_(total|bucket|count|sum)$/.test(metric))
        .filter(({ inside }) => !["rate", "increase", "irate"].includes(inside[0] ?? ""))
        .map(({ metric }) => metric),
    );
    expect(wrong).toEqual([]);
  });

  it("ask for exemplars wherever they are about durations of attempts and lag", () => {
    const durations = queries.filter(({ target }) =>
      /(attempt_duration|delivery_lag)_seconds_bucket/.test(target.expr),
    );
    expect(durations.length).toBeGreaterThan(5);
    expect(durations.filter(({ target }) => target.exemplar !== true).map(({ where }) => where)).toEqual([]);
  });
});

describe("the metrics that dashboards and rules are about", () => {
  const labels = liveLabels(manager.registry);
  const rules = readRules();
  const all = [
    ...queries.map(({ where, target }) => ({ where, expr: substitute(target.expr, values), target })),
    ...[...rules.recordings, ...rules.alerts].map(({ name, expr }) => ({
      where: name,
      expr,
      target: undefined,
    })),
    ...boards.map(({ file, model }) => ({
      where: `${file}: annotation`,
      expr: substitute(model.annotations?.list?.[0]?.expr ?? "", values),
      target: undefined,
    })),
  ];
  const recorded = new Set(rules.recordings.map(({ name }) => name));

  function labelsOf(metric: string): ReadonlySet<string> | undefined {
    if (recorded.has(metric)) return new Set(["job"]);
    if (metric === "up") return new Set(["job", "instance"]);
    if (metric === "ALERTS")
      return new Set(["alertname", "alertstate", "severity", "job", "endpoint", "source"]);
    return labels.get(metric);
  }

  it("exist in the registry of a running manager, with the labels that are used", () => {
    const wrong = all.flatMap(({ where, expr, target }) => {
      const { selectors, groupings } = readPromql(expr);
      const known = new Set<string>();
      const unknown: string[] = [];
      for (const { metric, matchers } of selectors) {
        const own = labelsOf(metric);
        if (own === undefined) unknown.push(metric);
        for (const label of own ?? []) known.add(label);
        unknown.push(
          ...matchers.filter(([label]) => own?.has(label) === false).map(([label]) => `${metric}{${label}}`),
        );
      }
      const shown = [...(target?.legendFormat ?? "").matchAll(/\{\{(\w+)\}\}/g)].map(
        (match) => match[1] ?? "",
      );
      unknown.push(...[...groupings, ...shown].filter((label) => !known.has(label)));
      return unknown.map((name) => `${where}: ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it("are matched by values that occur", () => {
    const closed = new Map<string, readonly string[]>([
      ["outcome", deliveryEnds],
      ["state", ["pending", "delivering", "dead"]],
    ]);
    const wrong = all.flatMap(({ where, expr }) =>
      readPromql(expr).selectors.flatMap(({ matchers }) =>
        matchers
          .filter(([label, , value]) => closed.has(label) && closed.get(label)?.includes(value) === false)
          .map(([label, , value]) => `${where}: ${label}="${value}"`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("are all of ours: every metric of the registry is on a panel", () => {
    const shown = new Set(
      queries.flatMap(({ target }) =>
        readPromql(substitute(target.expr, values)).selectors.map(({ metric }) => metric),
      ),
    );
    const ours = [...labels.keys()].filter((name) => name.startsWith("mova_webhook_"));
    const families = new Set(ours.map((name) => name.replace(/_(bucket|sum|count)$/, "")));
    const isShown = (family: string): boolean =>
      [family, `${family}_bucket`, `${family}_count`, `${family}_sum`].some((name) => shown.has(name));
    expect(families.size).toBeGreaterThan(10);
    expect([...families].filter((family) => !isShown(family))).toEqual([]);
  });

  it("are those of the documentation, name by name and label by label", () => {
    const rows = [...everyText.matchAll(/^\| `(mova_webhook_\w+)` +\| (.+) \|$/gm)];
    const written = new Map(
      rows.map(([, name, cell]) => [
        name,
        new Set([...(cell ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1])),
      ]),
    );
    const live = new Map(
      [...labels]
        .filter(([name]) => name.startsWith("mova_webhook_") && !/_(bucket|sum)$/.test(name))
        .map(([name, own]) => [
          name.replace(/_count$/, ""),
          new Set([...own].filter((label) => !["job", "instance"].includes(label))),
        ]),
    );
    expect(written).toEqual(live);
    for (const [name] of readme.matchAll(/mova_webhook_\w+/g)) expect([...labels.keys()]).toContain(name);
  });
});

it("the previews in the README are there, one for each dashboard", () => {
  const pictures = boards.map(({ file }) => file.replace(".json", ".png"));
  const previews = readdirSync(new URL("../../grafana/preview/", import.meta.url));
  expect(previews).toEqual(expect.arrayContaining(pictures));
  for (const name of pictures) expect(readme).toContain(`(preview/${name})`);
});
