/** Variables in texts: `$name`, `${name}`, `${name:format}`, `[[name]]`, as Grafana reads them. */

/**
 * @typedef {object} Variable
 * @property {string | string[]} value
 * @property {string | string[]} [text] How a reader sees the value.
 * @property {boolean} [list] Written as a list of alternatives: multi, or with All.
 * @property {string[]} [all] The values that All stands for, when it is chosen.
 * @property {string} [allValue] The text that All stands for instead, as it is.
 */
/** @typedef {Record<string, Variable>} Variables */
/**
 * @typedef {(value: string[], variable: Variable, at: number) => string} Format `at`: where in the text the
 * variable stands.
 */

const NAMED = /\$(\w+)|\$\{(\w+)((?:\.[^:}]+)?)(?::([^}]+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;

/** @param {string} text */
const escaped = (text) => text.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&");
/** Between double quotes in PromQL a backslash is written twice. @param {string} text */
const inPromQL = (text) =>
  text.replace(/\\/g, "\\\\").replace(/["\n]/g, (found) => (found === "\n" ? "\\n" : '\\"'));
/** @param {string} text */
const regexInPromQL = (text) =>
  text
    .replace(/[\\^$*+?.()|[\]{}]/g, "\\\\$&")
    .replace(/["\n]/g, (found) => (found === "\n" ? "\\n" : '\\"'));
/** @param {string[]} values @param {(text: string) => string} each */
const alternatives = (values, each) =>
  values.length === 1 ? each(values[0]) : `(${values.map(each).join("|")})`;
/** @param {(text: string) => string} each @param {string} [between] @returns {Format} */
const list =
  (each, between = ",") =>
  (values) =>
    values.map(each).join(between);

/** @type {Record<string, Format>} */
const FORMATS = {
  raw: list((text) => text),
  csv: list((text) => text),
  pipe: list((text) => text, "|"),
  regex: (values) => alternatives(values, escaped),
  glob: (values) => (values.length === 1 ? values[0] : `{${values.join(",")}}`),
  json: (values, { value }) => JSON.stringify(Array.isArray(value) ? values : values[0]),
  singlequote: list((text) => `'${text.replaceAll("'", "\\'")}'`),
  doublequote: list((text) => `"${text.replaceAll('"', '\\"')}"`),
  percentencode: (values) => encodeURIComponent(values.length === 1 ? values[0] : `{${values.join(",")}}`),
  uriencode: (values) => encodeURI(values.join(",")),
  text: (values, { text }) => [text ?? values].flat().join(" + "),
};
const PROMETHEUS = {
  list: (/** @type {string[]} */ values) => alternatives(values, regexInPromQL),
  one: (/** @type {string[]} */ values) => inPromQL(values[0] ?? ""),
};

/**
 * The text with its variables filled in. A name that is not known stays.
 * @param {string} text
 * @param {Variables} variables
 * @param {Format} otherwise
 */
function filled(text, variables, otherwise) {
  return text.replace(NAMED, (whole, plain, braced, path, format, bracketed, older, at) => {
    const name = (plain ?? braced ?? bracketed) + (path ?? "");
    if (!Object.hasOwn(variables, name)) return whole;
    const variable = variables[name];
    if (variable.all && variable.allValue) return variable.allValue;
    const values = variable.all ?? [variable.value].flat();
    return (FORMATS[format ?? older] ?? otherwise)(values, variable, at);
  });
}

/**
 * For PromQL: lists become alternatives, and each value is escaped for where it stands.
 * @param {string} text
 * @param {Variables} variables
 */
export const inQuery = (text, variables) =>
  filled(text, variables, (values, { list: many }) =>
    many ? PROMETHEUS.list(values) : PROMETHEUS.one(values),
  );

/** For titles and texts. @param {string} text @param {Variables} variables */
export const inText = (text, variables) => filled(text, variables, FORMATS.text);

/**
 * For addresses: a value that begins one stays as it is, any other is a part of it.
 * @param {string} text
 * @param {Variables} variables
 */
export const inLink = (text, variables) =>
  filled(text, variables, (values, _, at) =>
    values.map((value) => (at ? encodeURIComponent(value) : value)).join(","),
  );

/** The names that a text uses. @param {string} text */
export const namesIn = (text) => [...text.matchAll(NAMED)].map((found) => found[1] ?? found[2] ?? found[5]);
