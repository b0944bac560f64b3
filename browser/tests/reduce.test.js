import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { isRule, reduce } from "../../telemetry/look/static/js/reduce.js";

const grafana = createRequire(import.meta.url)("./grafana.cjs");
const RULES = [
  "lastNotNull",
  "last",
  "firstNotNull",
  "first",
  "min",
  "max",
  "mean",
  "median",
  "sum",
  "count",
  "countAll",
  "range",
  "diff",
  "diffperc",
  "delta",
  "step",
  "logmin",
  "variance",
  "stdDev",
  "allIsZero",
  "allIsNull",
  "changeCount",
  "distinctCount",
  "p1",
  "p50",
  "p95",
  "p99",
];
const DATA = {
  normal: [1, 2, 3, 4.5, 4.5, 7],
  empty: [],
  partial: [null, 3, null, 5, null],
  nothing: [null, null],
  "one sample": [42],
  "one zero": [0],
  zeros: [0, 0, 0],
  NaN: [NaN, 2, NaN, 4, NaN],
  "only NaN": [NaN, NaN],
  "counter with a reset": [10, 20, 35, 0, 5, 9],
  negative: [-5, -1, -9.5],
  infinite: [1, Infinity, 3],
};
/** Spread and order of a NaN are not defined: Grafana's answer hangs on the algorithm. */
const UNDEFINED = new Set(["variance", "stdDev", "median", "p1", "p50", "p95", "p99", "changeCount"]);

for (const [kind, values] of Object.entries(DATA)) {
  for (const rule of RULES) {
    if (UNDEFINED.has(rule) && values.some((value) => Number.isNaN(value) || value === Infinity)) continue;
    test(`${rule} of ${kind} is Grafana's`, () => {
      const field = { name: "v", type: "number", values: [...values], config: {} };
      const theirs = grafana.reduceField({ field, reducers: [rule] })[rule] ?? null;
      const ours = reduce(rule, values);
      if (typeof theirs === "number" && Number.isFinite(theirs))
        assert.ok(Math.abs(ours - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs)), `${ours} ${theirs}`);
      else assert.deepEqual(Number.isNaN(ours) ? null : ours, Number.isNaN(theirs) ? null : theirs);
    });
  }
}

test("older names mean the same, and unknown ones nothing", () => {
  assert.deepEqual(
    ["current", "avg", "total"].map((name) => reduce(name, [1, 2, 6])),
    [6, 3, 9],
  );
  assert.equal(reduce("p0", [1]), null);
  assert.equal(isRule("p0") || isRule("constructor"), false);
});
