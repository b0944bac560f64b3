/** A board's variables: what each asks for, which values it offers, and which of them are chosen. */

import { inQuery, namesIn } from "./interpolate.js";

/** @typedef {import("./interpolate.js").Variables} Variables */
/** @typedef {{text: string, value: string}} Option */
/**
 * @typedef {{type: string, name: string, label?: string, hide?: number, query?: any, definition?: string,
 * regex?: string, sort?: number, multi?: boolean,   includeAll?: boolean, allValue?: string | null, current?:
 * {value?: any, text?: any}, options?: Option[], description?: string,   auto?: boolean}} Definition
 */
/** @typedef {{path: string, parameters: [string, string][], label?: string}} Question */

export const ALL = "$__all";
const QUERIES = {
  values: /^\s*label_values\(\s*(?:(.+?)\s*,\s*)?([a-zA-Z_$][\w$]*)\s*\)\s*$/s,
  names: /^\s*label_names\(\s*(.*?)\s*\)\s*$/s,
  metrics: /^\s*metrics\(\s*(.+?)\s*\)\s*$/s,
  result: /^\s*query_result\(\s*(.+)\s*\)\s*$/s,
};

/** The text that a variable asks with. @param {Definition} variable @returns {string} */
export const queryOf = ({ query, definition }) =>
  typeof query === "string" ? query : (query?.query ?? definition ?? "");

/**
 * In the order in which they can be answered: each behind the variables that it names.
 * @param {Definition[]} variables
 */
export function ordered(variables) {
  /** @type {Definition[]} */
  const done = [];
  const visit = (/** @type {Definition} */ one, /** @type {Definition[]} */ path) => {
    if (done.includes(one) || path.includes(one)) return;
    const names = namesIn(`${queryOf(one)} ${one.regex ?? ""}`);
    variables.filter((other) => names.includes(other.name)).forEach((other) => visit(other, [...path, one]));
    done.push(one);
  };
  variables.forEach((one) => visit(one, []));
  return done;
}

/**
 * The question to Prometheus that answers a query of a variable; null for a query that is none of Grafana's.
 * @param {string} query
 * @param {Variables} variables
 * @param {{start: number, end: number}} window in milliseconds
 * @returns {Question | null}
 */
export function question(query, variables, window) {
  /** @type {[string, string][]} */
  const during = [
    ["start", String(window.start / 1000)],
    ["end", String(window.end / 1000)],
  ];
  const text = inQuery(query, variables);
  const values = QUERIES.values.exec(text);
  if (values) return { path: `label/${values[2]}/values`, parameters: [...matching(values[1]), ...during] };
  const names = QUERIES.names.exec(text);
  if (names)
    return { path: "labels", parameters: [...matching(names[1] && `{__name__=~"${names[1]}"}`), ...during] };
  const metrics = QUERIES.metrics.exec(text);
  if (metrics)
    return {
      path: "label/__name__/values",
      parameters: [...matching(`{__name__=~"${metrics[1]}"}`), ...during],
    };
  const result = QUERIES.result.exec(text);
  return result
    ? {
        path: "query",
        parameters: [
          ["query", result[1]],
          ["time", String(window.end / 1000)],
        ],
      }
    : null;
}

/** @param {string | undefined} selector @returns {[string, string][]} */
const matching = (selector) => (selector ? [["match[]", selector]] : []);

/** The values in an answer to such a question. @param {any} data @returns {string[]} */
export function valuesOf(data) {
  if (Array.isArray(data)) return data.map(String);
  return (data?.result ?? []).map((/** @type {any} */ { metric, value }) => {
    const { __name__ = "", ...labels } = metric;
    const written = Object.entries(labels)
      .map(([name, text]) => `${name}="${text}"`)
      .join(",");
    return `${__name__}{${written}} ${value[1]} ${Math.round(value[0] * 1000)}`;
  });
}

/**
 * The options that values make: kept and cut by the variable's expression, each once, sorted.
 * @param {string[]} values
 * @param {Definition} variable
 * @param {Variables} [variables]
 * @returns {Option[]}
 */
export function optionsOf(values, { regex = "", sort = 0 }, variables = {}) {
  const expression = regex ? expressionOf(inQuery(regex, variables)) : null;
  /** @type {Map<string, Option>} */
  const found = new Map();
  for (const value of values) {
    for (const option of expression ? matches(value, expression) : [{ text: value, value }])
      if (!found.has(option.value)) found.set(option.value, option);
  }
  return sorted([...found.values()], sort);
}

/** @param {string} text */
function expressionOf(text) {
  const written = /^\/(.*)\/([gimsuy]*)$/s.exec(text);
  try {
    return written
      ? new RegExp(written[1], written[2].includes("g") ? written[2] : `${written[2]}g`)
      : new RegExp(text.startsWith("^") ? text : `^${text}$`, "g");
  } catch {
    return null;
  }
}

/** @param {string} value @param {RegExp} expression @returns {Option[]} */
function matches(value, expression) {
  return [...value.matchAll(expression)].map((match) => {
    const { text, value: named } = match.groups ?? {};
    const found = named ?? text ?? match[1] ?? match[0];
    return { text: text ?? found, value: found };
  });
}

const inLetters = (/** @type {Option} */ a, /** @type {Option} */ b) =>
  a.text < b.text ? -1 : Number(a.text > b.text);
const numberIn = (/** @type {Option} */ { text }) => Number(/\d+(\.\d+)?/.exec(text)?.[0] ?? -1);
/**
 * @type {((a: Option, b: Option) => number)[]} By half of the board's number: letters, numbers, letters in
 * any case, natural.
 */
const ORDERS = [
  () => 0,
  inLetters,
  (a, b) => numberIn(a) - numberIn(b),
  (a, b) => a.text.localeCompare(b.text, undefined, { sensitivity: "base" }),
  (a, b) => a.text.localeCompare(b.text, undefined, { numeric: true }),
];

/** @param {Option[]} options @param {number} sort */
function sorted(options, sort) {
  const order = ORDERS[Math.ceil(sort / 2)] ?? ORDERS[0];
  const made = [...options].sort(order);
  return sort && sort % 2 === 0 ? made.reverse() : made;
}

/** The options of a variable that needs no question. @param {Definition} variable @returns {Option[]} */
export function writtenOptions({ type, query, options = [], current }) {
  if (type === "datasource") return [{ text: "Prometheus", value: "prometheus" }];
  if (type === "textbox" || type === "constant")
    return [{ text: String(query ?? ""), value: String(query ?? "") }];
  if (type === "custom" || type === "interval") {
    return String(query ?? "")
      .split(/(?<!\\),/)
      .map((part) => part.trim().replaceAll("\\,", ","))
      .filter(Boolean)
      .map((part) => {
        const pair = /^(.+?)\s:\s(.+)$/.exec(part);
        return pair ? { text: pair[1], value: pair[2] } : { text: part, value: part };
      });
  }
  return options.length
    ? options
    : [current?.value ?? []].flat().map((value) => ({ text: String(value), value: String(value) }));
}

/**
 * The chosen values: those of the address, else of the board, else All or the first. Values that are gone are
 * left out where others remain.
 * @param {Definition} variable
 * @param {Option[]} options
 * @param {string[] | null} wished
 * @returns {string[]}
 */
export function chosen(variable, options, wished) {
  const { type, current, multi, includeAll } = variable;
  const asked = wished ?? [current?.value ?? []].flat().map(String);
  if (type === "textbox") return [asked[0] ?? options[0]?.value ?? ""];
  if (type === "datasource" || type === "constant") return [options[0]?.value ?? ""];
  if (includeAll && asked.includes(ALL)) return [ALL];
  const known = asked.filter((value) => options.some((option) => option.value === value));
  const kept = known.length ? known : (wished?.filter(Boolean) ?? []);
  if (kept.length) return multi ? kept : kept.slice(0, 1);
  return includeAll ? [ALL] : options.slice(0, 1).map(({ value }) => value);
}

/**
 * A variable as texts use it.
 * @param {Definition} variable
 * @param {Option[]} options
 * @param {string[]} values
 * @returns {import("./interpolate.js").Variable}
 */
export function filledIn({ multi, includeAll, allValue }, options, values) {
  const list = Boolean(multi || includeAll);
  if (values.includes(ALL))
    return {
      value: ALL,
      text: "All",
      list,
      all: options.map(({ value }) => value),
      allValue: allValue || undefined,
    };
  const texts = values.map((value) => options.find((option) => option.value === value)?.text ?? value);
  return multi
    ? { value: values, text: texts, list }
    : { value: values[0] ?? "", text: texts[0] ?? "", list };
}
