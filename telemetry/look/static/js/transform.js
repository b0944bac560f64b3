/**
 * Transformations of a panel's table, by Grafana's names. One that is not known here is told to the reader.
 */

import { matches } from "./fields.js";
import { reduce } from "./reduce.js";

/** @typedef {import("./fields.js").Field} Field */
/** @typedef {import("./frames.js").Table} Table */
/** @typedef {{id: string, options?: any, disabled?: boolean}} Transformation */

/** @type {Record<string, (fields: Field[], options: any) => Field[]>} */
const TRANSFORMATIONS = {
  organize: (fields, { excludeByName = {}, includeByName = {}, indexByName = {}, renameByName = {} }) => {
    const only = Object.values(includeByName).some(Boolean);
    const kept = fields.filter(({ name }) => !excludeByName[name] && (!only || includeByName[name]));
    const place = (/** @type {Field} */ { name }) => indexByName[name] ?? Infinity;
    const order = Object.keys(indexByName).length
      ? [...kept].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)))
      : kept;
    return order.map((field) => ({ ...field, name: renameByName[field.name] || field.name }));
  },
  filterFieldsByName: (fields, { include, exclude }) =>
    fields.filter((field) => (!include || named(field, include)) && !(exclude && named(field, exclude))),
  renameByRegex: (fields, { regex = "", renamePattern = "" }) =>
    fields.map((field) => ({ ...field, name: renamed(field.name, regex, renamePattern) })),
  sortBy: (fields, { sort = [] }) => {
    const by = fields.find(({ name }) => name === sort[0]?.field);
    return by ? inOrder(fields, rising(by.values, sort[0].desc)) : fields;
  },
  limit: (fields, { limitField = 10 }) =>
    fields.map((field) => ({ ...field, values: field.values.slice(0, Number(limitField)) })),
  merge: (fields) => fields,
  reduce: (fields, { reducers = ["max"] }) => {
    const numbers = fields.filter(({ type }) => type === "number");
    return [
      { name: "Field", type: "string", values: numbers.map(({ name }) => name) },
      ...reducers.map((/** @type {string} */ rule) => ({
        name: rule,
        type: "number",
        values: numbers.map(({ values }) => reduce(rule, values)),
      })),
    ];
  },
};

/** @param {Field} field @param {{names?: string[], pattern?: string}} rule */
const named = (field, { names = [], pattern }) =>
  names.includes(field.name) || Boolean(pattern && matches(field, { id: "byRegexp", options: pattern }));

/** @param {string} name @param {string} regex @param {string} pattern */
function renamed(name, regex, pattern) {
  try {
    return name.replace(new RegExp(regex), pattern) || name;
  } catch {
    return name;
  }
}

/** The rows' places in order. @param {any[]} values @param {boolean} [falling] */
export function rising(values, falling = false) {
  const sign = falling ? -1 : 1;
  const compared = (/** @type {any} */ a, /** @type {any} */ b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a ?? "").localeCompare(String(b ?? ""));
  return values.map((_, at) => at).sort((a, b) => sign * compared(values[a], values[b]) || a - b);
}

/** @param {Field[]} fields @param {number[]} order */
export const inOrder = (fields, order) =>
  fields.map((field) => ({ ...field, values: order.map((at) => field.values[at]) }));

/**
 * The table after its transformations, and the names of those that are not known.
 * @param {Table} table
 * @param {Transformation[]} [transformations]
 */
export function transformed(table, transformations = []) {
  const active = transformations.filter(({ disabled }) => !disabled);
  const known = active.filter(({ id }) => Object.hasOwn(TRANSFORMATIONS, id));
  const fields = known.reduce(
    (before, { id, options = {} }) => TRANSFORMATIONS[id](before, options),
    table.fields,
  );
  return { table: { fields }, unknown: active.filter((one) => !known.includes(one)).map(({ id }) => id) };
}
