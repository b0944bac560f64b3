/**
 * Rules that make one number of many, by the names that boards use. `null` is no value; a NaN is a value that
 * no rule takes.
 */

/** @typedef {number | null} Value */
/** @typedef {(values: Value[]) => any} Rule */

/** @param {Value[]} values @returns {number[]} */
const numbers = (values) => /** @type {number[]} */ (values.filter(isNumber));
/** @param {Value[]} values @returns {number[]} */
const there = (values) => /** @type {number[]} */ (values.filter((value) => value !== null));
/** @param {Value} value */
const isNumber = (value) => value !== null && !Number.isNaN(value);
/**
 * Nothing of nothing, else what the rule makes of the numbers.
 * @param {(numbers: number[]) => any} rule
 * @returns {Rule}
 */
const ofSome = (rule) => (values) => {
  const found = numbers(values);
  return found.length ? rule(found) : null;
};
/** @param {number[]} of */
const sum = (of) => of.reduce((total, value) => total + value, 0);
/** @param {number[]} of */
const most = (of) => of.reduce((a, b) => (b > a ? b : a));
/** @param {number[]} of */
const least = (of) => of.reduce((a, b) => (b < a ? b : a));
/** @param {number[]} of */
const ascending = (of) => [...of].sort((a, b) => a - b);
/** @param {number[]} of */
const difference = (of) => of[of.length - 1] - of[0];

/** @param {number[]} of */
function median(of) {
  const sorted = ascending(of),
    middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of the whole population. @param {number[]} of */
function variance(of) {
  const mean = sum(of) / of.length;
  return sum(of.map((value) => (value - mean) ** 2)) / of.length;
}

/**
 * How far a counter rose: a fall is a reset, and the rise that follows one is not known.
 * @param {number[]} of
 */
function delta(of) {
  let total = 0,
    rising = true;
  for (let at = 1; at < of.length; at++) {
    const fell = of[at] < of[at - 1];
    if (!fell && rising) total += of[at] - of[at - 1];
    rising = !fell;
  }
  return total;
}

/** @param {number[]} of */
const steps = (of) => of.slice(1).map((value, at) => value - of[at]);

/** @type {Record<string, Rule>} */
const RULES = {
  lastNotNull: ofSome((of) => of[of.length - 1]),
  last: (values) => values[values.length - 1] ?? null,
  firstNotNull: ofSome((of) => of[0]),
  first: (values) => values[0] ?? null,
  min: ofSome(least),
  max: ofSome(most),
  mean: ofSome((of) => sum(of) / of.length),
  median: (values) => median(there(values)),
  sum: (values) => sum(numbers(values)),
  count: (values) => there(values).length,
  countAll: (values) => values.length,
  range: ofSome((of) => most(of) - least(of)),
  diff: ofSome(difference),
  diffperc: ofSome((of) => (difference(of) / of[0]) * 100),
  delta: (values) => delta(numbers(values)),
  step: ofSome((of) => (of.length > 1 ? least(steps(of)) : null)),
  logmin: (values) => least([Number.MAX_VALUE, ...numbers(values).filter((value) => value > 0)]),
  variance: (values) => (there(values).length ? variance(there(values)) : 0),
  stdDev: (values) => Math.sqrt(there(values).length ? variance(there(values)) : 0),
  allIsZero: (values) => numbers(values).length > 0 && numbers(values).every((value) => value === 0),
  allIsNull: (values) => !numbers(values).length,
  changeCount: (values) => steps(there(values)).filter((step) => step !== 0).length,
  distinctCount: (values) => new Set(there(values)).size,
};
/** Of no values at all; every other rule makes nothing of them. @type {Record<string, any>} */
const OF_NOTHING = { sum: 0, count: 0, countAll: 0, allIsZero: false, allIsNull: true };
/** @type {Record<string, string>} */
const OTHER_NAMES = { current: "lastNotNull", avg: "mean", total: "sum" };

/**
 * What the rule makes of the values; null for a rule that is not known.
 * @param {string} name
 * @param {Value[]} values
 * @returns {any}
 */
export function reduce(name, values) {
  if (!values.length) return OF_NOTHING[OTHER_NAMES[name] ?? name] ?? null;
  const percentile = /^p([1-9]\d?)$/.exec(name);
  if (percentile)
    return (
      ascending(there(values))[Math.round(((there(values).length - 1) * Number(percentile[1])) / 100)] ?? null
    );
  const rule = RULES[OTHER_NAMES[name] ?? name];
  return rule ? rule(values) : null;
}

/** @param {string} name */
export const isRule = (name) => Object.hasOwn(RULES, OTHER_NAMES[name] ?? name) || /^p[1-9]\d?$/.test(name);
