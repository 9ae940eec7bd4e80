/** Reads PromQL: its mistakes, the series it selects, the labels it groups by. */
import { parser } from "@prometheus-io/lezer-promql";

interface Selector {
  readonly metric: string;
  /** Label, operator and value of each matcher. */
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
  /** The functions and aggregations around it, innermost first. */
  readonly inside: readonly string[];
}

export interface Reading {
  /** Positions that are no PromQL. */
  readonly mistakes: readonly number[];
  readonly selectors: readonly Selector[];
  /** Labels in `by (…)`, `without (…)` and `on (…)`. */
  readonly groupings: readonly string[];
  /** The durations in brackets. */
  readonly ranges: readonly string[];
}

export function readPromql(expr: string): Reading {
  const mistakes: number[] = [];
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  const ranges: string[] = [];
  const textOf = ({ from, to }: { readonly from: number; readonly to: number }): string =>
    expr.slice(from, to);
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) mistakes.push(node.from);
      if (node.name === "GroupingLabels") {
        groupings.push(...node.node.getChildren("LabelName").map(textOf));
      }
      if (node.name === "MatrixSelector") ranges.push(/\[([^\]]*)\]$/.exec(textOf(node))?.[1] ?? "");
      if (node.name !== "VectorSelector") return;
      const inside: string[] = [];
      for (let above = node.node.parent; above !== null; above = above.parent) {
        const operation = above.getChild("FunctionIdentifier") ?? above.getChild("AggregateOp");
        if (operation !== null) inside.push(textOf(operation));
      }
      const metric = node.node.getChild("Identifier");
      const matchers = node.node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [];
      selectors.push({
        metric: metric === null ? "" : textOf(metric),
        matchers: matchers.map((matcher) => {
          const [label, operator, value] = ["LabelName", "MatchOp", "StringLiteral"].map((name) => {
            const part = matcher.getChild(name);
            return part === null ? "" : textOf(part);
          });
          return [label ?? "", operator ?? "", (value ?? "").slice(1, -1)] as const;
        }),
        inside,
      });
    },
  });
  return { mistakes, selectors, groupings, ranges };
}
