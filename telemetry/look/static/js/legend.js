/** Legends: what each series is, what it amounts to, and whether it is shown. */

import { h } from "./dom.js";
import { display } from "./fields.js";
import { swatch } from "./plot.js";
import { reduce } from "./reduce.js";
import { say } from "./words.js";

/** @typedef {import("./panels/shown.js").Shown} Shown */

/**
 * The reduced values of a legend.
 * @param {Shown} one
 * @param {string[]} rules
 * @returns {Record<string, any>}
 */
export const calculated = (one, rules) =>
  Object.fromEntries(rules.map((rule) => [rule, reduce(rule, one.values)]));

/**
 * Numbers that a rule has counted have no unit.
 * @param {Shown} one
 * @param {string} rule
 * @param {any} value
 */
const textOf = (one, rule, value) =>
  /count$/i.test(rule) ? String(value ?? "") : display({ ...one.config, mappings: undefined }, value).text;

/**
 * A legend whose names are buttons. A press shows a series alone, and all of them again; with Ctrl or Shift it hides or shows just this one.
 * @param {Shown[]} series
 * @param {any} options the panel's `options.legend`
 * @param {Set<number>} hidden places of series that are not shown
 * @param {() => void} changed
 */
export function legendOf(series, options, hidden, changed) {
  const rules = options?.calcs ?? [];
  const table = options?.displayMode === "table" && rules.length > 0;
  const rows = series.map((one, place) => {
    const button = nameButton(one, place, series.length, hidden, changed);
    const calcs = rules.map((/** @type {string} */ rule) =>
      h("td", { class: "number", "data-rule": rule }, textOf(one, rule, reduce(rule, one.values))),
    );
    return table ? h("tr", {}, h("th", { scope: "row" }, button), calcs) : h("li", {}, button);
  });
  if (!table) return h("ul", { class: "legend list" }, rows);
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, say("name")),
    rules.map((/** @type {string} */ rule) => h("th", { scope: "col", class: "number" }, say(rule))),
  );
  return h("div", { class: "legend" }, h("table", {}, h("thead", {}, head), h("tbody", {}, rows)));
}

/**
 * @param {Shown} one
 * @param {number} place
 * @param {number} count
 * @param {Set<number>} hidden
 * @param {() => void} changed
 */
function nameButton(one, place, count, hidden, changed) {
  const pressed = (/** @type {MouseEvent} */ event) => {
    toggle(place, count, hidden, event.ctrlKey || event.metaKey || event.shiftKey);
    changed();
  };
  return h(
    "button",
    {
      type: "button",
      class: "series-name",
      "aria-pressed": String(!hidden.has(place)),
      title: one.name,
      onclick: pressed,
    },
    swatch(one.color),
    h("span", {}, one.name),
  );
}

/**
 * @param {number} place
 * @param {number} count
 * @param {Set<number>} hidden
 * @param {boolean} alone only this one changes
 */
export function toggle(place, count, hidden, alone) {
  if (alone) {
    if (!hidden.delete(place)) hidden.add(place);
    return;
  }
  const isolated = !hidden.has(place) && hidden.size === count - 1;
  hidden.clear();
  if (!isolated) for (let other = 0; other < count; other++) if (other !== place) hidden.add(other);
}

/**
 * After a press: each name says whether its series is shown.
 * @param {HTMLElement} legend
 * @param {Set<number>} hidden
 */
export function mark(legend, hidden) {
  legend
    .querySelectorAll(".series-name")
    .forEach((button, place) => button.setAttribute("aria-pressed", String(!hidden.has(place))));
}
