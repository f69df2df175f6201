// Metrics of versions: how they read, which one is looked at first, which way is better.

export const numberOf = (value: number) => (Number.isFinite(value) ? Number(value.toPrecision(5)).toLocaleString(undefined, { maximumFractionDigits: 10 }) : String(value));

// The one that the gate asks for; else one of the usual names; else the first.
const usual = ["auc", "roc_auc", "f1", "accuracy", "rmse", "mae", "logloss", "log_loss", "mape", "r2"];
export function leading(names: string[], gate: string): string | null {
  const words = gate.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? [];
  return words.find((word) => names.includes(word)) ?? usual.find((name) => names.includes(name)) ?? [...names].sort()[0] ?? null;
}

// Whether less of it is better: by the gate where that says it, else by its name; null: not known.
export function lessIsBetter(name: string, gate: string): boolean | null {
  const plain = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (new RegExp(`(^|[^.\\w])${plain}\\s*<`).test(gate)) return true;
  if (new RegExp(`(^|[^.\\w])${plain}\\s*>`).test(gate)) return false;
  if (/rmse|mae|mse|mape|loss|error|brier|deviance|time|seconds/i.test(name)) return true;
  if (/auc|f1|accuracy|precision|recall|r2|score|lift|gini|kappa/i.test(name)) return false;
  return null;
}

// The bound that the gate compared a metric with: "rmse 110.97 is not <= 60.53 (57.64 * 1.05)".
export function boundOf(why: string, metric: string): number | null {
  const plain = metric.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`(?:^| and )${plain} -?[\\d.e+-]+ is (?:not )?(?:<=|>=|<|>|==) (-?[\\d.]+(?:e[+-]?\\d+)?)`).exec(why);
  return found ? Number(found[1]) : null;
}
