/** Reads the recording and alerting rules. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

export interface Rule {
  readonly name: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly (Partial<Rule> & {
      readonly expr: string;
      readonly record?: string;
      readonly alert?: string;
    })[];
  }[];
}

function readFile(name: string): readonly Rule[] {
  const text = readFileSync(new URL(`../../grafana/alerts/${name}`, import.meta.url), "utf8");
  return (parse(text) as RuleFile).groups
    .flatMap(({ rules }) => rules)
    .map(({ record, alert, expr, labels = {}, annotations = {} }) => ({
      name: record ?? alert ?? "",
      expr,
      labels,
      annotations,
    }));
}

export function readRules(): { readonly recordings: readonly Rule[]; readonly alerts: readonly Rule[] } {
  return { recordings: readFile("recording.yml"), alerts: readFile("alerts.yml") };
}
