/** The dashboards: fresh, valid, within the rules of grafana/dashboard-linter, and about metrics that exist. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { Ajv } from "ajv";
import { WebhookManager } from "mova-webhooks";
import { collectDefaultMetrics } from "prom-client";
import { createGenerator } from "ts-json-schema-generator";
import { afterAll, describe, expect, it } from "vitest";
import { runbookUrl } from "../../grafana/boards/board.ts";
import { buildDashboards, toFileText } from "../../grafana/build.ts";
import {
  type Board,
  panelsOf,
  readBoards,
  substitute,
  type Target,
  targetsOf,
} from "../../grafana/live/boards.ts";
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
    const built = buildDashboards();
    expect(boards.map(({ file }) => file).toSorted()).toEqual([...built.keys()].toSorted());
    for (const { file } of boards) {
      const text = readFileSync(new URL(`../../grafana/dashboards/${file}`, import.meta.url), "utf8");
      expect(text, file).toBe(toFileText(built.get(file) as Dashboard));
    }
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
    for (const { file, model } of boards) {
      expect(validate(model), `${file}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
    const [first] = boards as readonly [Board, ...Board[]];
    for (const mistake of [{ graphTooltip: 9 }, { refresh: 5 }, { panels: [{ gridPos: { w: "x" } }] }]) {
      expect(validate({ ...first.model, ...mistake }), JSON.stringify(mistake)).toBe(false);
    }
  });

  it("have ids, titles and panel titles of their own, and links that lead somewhere", () => {
    const uids = boards.map(({ model }) => model.uid);
    expect(new Set(uids).size).toBe(boards.length);
    expect(new Set(boards.map(({ model }) => model.title)).size).toBe(boards.length);
    for (const { file, model } of boards) {
      expect(model.uid, file).toMatch(/^mova-webhooks-[a-z]+$/);
      expect(model.id ?? undefined, file).toBeUndefined();
      const titles = panelsOf(model).map(({ title }) => title);
      expect(titles, file).toEqual([...new Set(titles)]);
      const linked = [...JSON.stringify(model).matchAll(/"\/d\/([\w-]+)/g)].map((match) => match[1]);
      expect(uids, file).toEqual(expect.arrayContaining(linked));
      const others = uids.filter((uid) => uid !== model.uid);
      const links = (model.links ?? []).map(({ url }) => url);
      expect(links.toSorted(), file).toEqual(
        [...others.map((uid) => `/d/${uid}`), `${runbookUrl}#runbook`].toSorted(),
      );
    }
    expect(readme).toMatch(/^## Runbook$/m);
  });

  it("are within a grid of 24 columns, no panel over another", () => {
    for (const { file, model } of boards) {
      const taken = new Set<string>();
      for (const { gridPos, title } of model.panels ?? []) {
        const { x, y, w, h } = gridPos ?? { x: 0, y: 0, w: 0, h: 0 };
        expect(x + w, `${file}: ${title}`).toBeLessThanOrEqual(24);
        for (let column = x; column < x + w; column += 1) {
          for (let row = y; row < y + h; row += 1) {
            expect(taken, `${file}: ${title}`).not.toContain(`${column} ${row}`);
            taken.add(`${column} ${row}`);
          }
        }
      }
    }
  });

  it("show the runbook in short, one entry for each alert", () => {
    const text = boards.flatMap(({ model }) => panelsOf(model)).find(({ type }) => type === "text");
    const content = (text?.options as { readonly content: string }).content;
    expect(content.match(/^\*\*.+?\.\*\* .+/gm)).toHaveLength(readRules().alerts.length);
  });
});

describe("the rules of grafana/dashboard-linter", () => {
  it("dashboards: not editable; variables datasource, job and instance in the form the linter wants", () => {
    for (const { file, model } of boards) {
      expect(model.editable, file).toBe(false);
      const variables = model.templating?.list ?? [];
      const sources = variables.filter(({ type }) => type === "datasource");
      expect(sources, file).toHaveLength(1);
      expect(sources[0], file).toMatchObject({
        name: "datasource",
        label: "Data Source",
        query: "prometheus",
      });
      for (const name of ["job", "instance"]) {
        const variable = variables.find((candidate) => candidate.name === name);
        expect(variable, `${file}: ${name}`).toMatchObject({
          multi: true,
          includeAll: true,
          allValue: ".+",
          refresh: 2,
          datasource: { uid: "${datasource}" },
        });
      }
      for (const { name, type, refresh } of variables.filter((variable) => variable.type === "query")) {
        expect([type, refresh], `${file}: ${name}`).toEqual(["query", 2]);
      }
    }
  });

  it("panels: a title, a description, a unit, queries, and the data source of the variable", () => {
    for (const { file, model } of boards) {
      for (const panel of panelsOf(model)) {
        const where = `${file}: ${panel.title}`;
        expect(panel.title, where).not.toBe("");
        expect(panel.description?.length, where).toBeGreaterThan(15);
        if (panel.type === "text") continue;
        expect(panel.fieldConfig?.defaults?.unit, where).toMatch(/.+/);
        expect(panel.datasource, where).toMatchObject({ uid: "${datasource}" });
        expect(targetsOf(panel).length, where).toBeGreaterThan(0);
        for (const target of targetsOf(panel)) {
          expect(target.datasource, where).toMatchObject({ uid: "${datasource}" });
        }
      }
    }
  });

  it("queries: are PromQL", () => {
    expect(
      complaints(({ target }) =>
        readPromql(substitute(target.expr, values)).mistakes.map((at) => `at ${at}`),
      ),
    ).toEqual([]);
    expect(readPromql("sum by (le) (rate(metric[5m])").mistakes).not.toEqual([]);
  });

  it("queries: take rates over $__rate_interval, and sums of the shown time over $__range", () => {
    const wrong = complaints(({ panel, target }) => {
      const ranges = [...target.expr.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
      const allowed = panel.type === "stat" ? ["$__rate_interval", "$__range"] : ["$__rate_interval"];
      return ranges.filter((range) => !allowed.includes(range));
    });
    expect(wrong).toEqual([]);
  });

  it("queries: choose job and instance; recorded series have only the job", () => {
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

  it("queries: look at counters only through rate and increase", () => {
    const wrong = complaints(({ target }) =>
      readPromql(substitute(target.expr, values))
        .selectors.filter(({ metric }) => /_(total|bucket|count|sum)$/.test(metric))
        .filter(({ inside }) => !["rate", "increase", "irate"].includes(inside[0] ?? ""))
        .map(({ metric }) => metric),
    );
    expect(wrong).toEqual([]);
  });

  it("durations ask for exemplars: every quantile and heatmap of attempts and lag", () => {
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

  it("are those of the README, name by name and label by label", () => {
    const main = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const rows = [...main.matchAll(/^\| `(mova_webhook_\w+)` \| (.+) \|$/gm)];
    const written = rows.map(([, name, cell]) => [
      name,
      [...(cell ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1]).toSorted(),
    ]);
    const live = [...labels]
      .filter(([name]) => name.startsWith("mova_webhook_") && !/_(bucket|sum)$/.test(name))
      .map(([name, own]) => [
        name.replace(/_count$/, ""),
        [...own].filter((label) => !["job", "instance"].includes(label)).toSorted(),
      ]);
    expect(written.toSorted()).toEqual(live.toSorted());
    for (const [name] of readme.matchAll(/mova_webhook_\w+/g)) expect([...labels.keys()]).toContain(name);
  });
});

it("the previews in the README are there, one for each dashboard", () => {
  const previews = readdirSync(new URL("../../grafana/preview/", import.meta.url)).filter((name) =>
    name.endsWith(".png"),
  );
  expect(previews.toSorted()).toEqual(boards.map(({ file }) => file.replace(".json", ".png")).toSorted());
  for (const name of previews) expect(readme).toContain(`(preview/${name})`);
});
