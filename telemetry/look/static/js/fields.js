/** How a field of a panel is shown: its defaults and overrides, mappings, thresholds and name. */

import { formatOf, joined } from "./units.js";

/** @typedef {{value: number | null, color: string}} Step */
/** @typedef {{text?: string, color?: string}} Mapped */
/**
 * @typedef {{unit?: string, decimals?: number | null, min?: number | null, max?: number | null, displayName?:
 * string, noValue?: string, mappings?: any[], links?: any[],   thresholds?: {mode: string, steps: Step[]},
 * color?: {mode: string, fixedColor?: string, seriesBy?: string}, custom?: Record<string, any>}} Config
 */
/**
 * @typedef {{name: string, refId?: string, type: "number" | "string" | "time", values: any[], labels?:
 * Record<string, string>}} Field
 */
/** @typedef {{text: string, color: string | null, mapped: boolean}} Display */

/**
 * `/text/i` or a plain expression. An expression that cannot be read matches nothing.
 * @param {string} text
 */
export function expression(text) {
  const written = /^\/(.*)\/([gimsuy]*)$/s.exec(text);
  try {
    return written ? new RegExp(written[1], written[2].replace("g", "")) : new RegExp(`^${text}$`);
  } catch {
    return /(?!)/;
  }
}

/**
 * Each matcher: does the field match these options?
 * @type {Record<string, (field: Field, options: any) => boolean>}
 */
const MATCHERS = {
  byName: ({ name, type }, options) => name === options || (type === "time" && /^[Tt]ime$/.test(options)),
  byNames: ({ name }, { names = [], mode } = {}) => names.includes(name) !== (mode === "exclude"),
  byRegexp: ({ name }, options) => expression(options ?? "").test(name),
  byFrameRefID: ({ refId }, options) => refId === options,
  byType: ({ type }, options) => type === options,
};

/** @param {Field} field @param {{id: string, options?: any}} matcher */
export const matches = (field, { id, options }) =>
  Object.hasOwn(MATCHERS, id) && MATCHERS[id](field, options);

/**
 * The field's own configuration: defaults with every override that matches, in their order.
 * @param {{defaults?: Config, overrides?: any[]} | undefined} fieldConfig
 * @param {Field} field
 * @returns {Config}
 */
export function configOf(fieldConfig, field) {
  /** @type {any} */
  const config = { ...fieldConfig?.defaults, custom: { ...fieldConfig?.defaults?.custom } };
  for (const { matcher, properties = [] } of fieldConfig?.overrides ?? []) {
    if (matcher && matches(field, matcher)) for (const { id, value } of properties) assign(config, id, value);
  }
  return config;
}

/** @param {any} config @param {string} path @param {any} value */
function assign(config, path, value) {
  const names = path.split(".");
  if (names.some((name) => ["__proto__", "constructor", "prototype"].includes(name))) return;
  const last = /** @type {string} */ (names.pop());
  let at = config;
  for (const name of names) at = at[name] = { ...at[name] };
  at[last] = value;
}

/** The step that a value has reached. @param {Config} config @param {number} value @returns {Step | null} */
export function reached({ thresholds, min, max }, value) {
  const steps = thresholds?.steps ?? [];
  if (!steps.length) return null;
  const low = min ?? 0,
    high = max ?? 100;
  const measured = thresholds?.mode === "percentage" ? ((value - low) / (high - low)) * 100 : value;
  let found = steps[0];
  for (const step of steps.slice(1)) {
    if (measured < Number(step.value) || Number.isNaN(measured)) break;
    found = step;
  }
  return found;
}

/** @type {Record<string, (value: any) => boolean>} */
const SPECIAL = {
  null: (value) => value == null,
  nan: (value) => Number.isNaN(value),
  "null+nan": (value) => value == null || Number.isNaN(value),
  true: (value) => value === true || value === "true",
  false: (value) => value === false || value === "false",
  empty: (value) => value === "",
};
/**
 * Each kind of mapping: what it makes of a value.
 * @type {Record<string, (options: any, value: any) => Mapped | undefined>}
 */
const MAPPINGS = {
  value: (options, value) => (value != null && Object.hasOwn(options, value) ? options[value] : undefined),
  range: ({ from, to, result }, value) =>
    value != null && parseFloat(value) >= (from ?? -Infinity) && parseFloat(value) <= (to ?? Infinity)
      ? result
      : undefined,
  regex: ({ pattern, result }, value) => {
    const rule = expression(pattern);
    return typeof value === "string" && rule.test(value)
      ? { ...result, ...(result.text != null && { text: value.replace(rule, result.text) }) }
      : undefined;
  },
  special: ({ match, result }, value) => (SPECIAL[match]?.(value) ? result : undefined),
};

/**
 * The first mapping that takes the value.
 * @param {any[] | undefined} mappings
 * @param {any} value
 * @returns {Mapped | undefined}
 */
export function mapped(mappings, value) {
  for (const { type, options } of mappings ?? []) {
    const result = MAPPINGS[type]?.(options ?? {}, value);
    if (result) return result;
  }
  return undefined;
}

/**
 * A value as a reader sees it, and the name of its colour; null where the field's own colour is meant.
 * @param {Config} config
 * @param {any} value
 * @param {number} [decimals] on an axis
 * @returns {Display}
 */
export function display(config, value, decimals) {
  const found = mapped(config.mappings, value);
  const color = found?.color ?? (typeof value === "number" ? (reached(config, value)?.color ?? null) : null);
  return { text: found?.text ?? textOf(config, value, decimals), color, mapped: Boolean(found) };
}

/** @param {Config} config @param {any} value @param {number} [axisDecimals] */
function textOf({ unit, decimals, noValue }, value, axisDecimals) {
  if (typeof value === "number") return joined(formatOf(unit)(value, axisDecimals ?? decimals)).trim();
  return value == null || value === "" ? (noValue ?? "") : String(value);
}
