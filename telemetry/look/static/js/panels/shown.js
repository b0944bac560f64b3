/** What every kind of panel is drawn from: its series with their names, colours and formats. */

import { named, ofSeries } from "../colors.js";
import { configOf, display, reached } from "../fields.js";
import { distinct, seriesOf } from "../frames.js";
import { inText } from "../interpolate.js";
import { reduce } from "../reduce.js";

/** @typedef {import("../frames.js").Series} Series */
/** @typedef {import("../fields.js").Config} Config */
/** @typedef {Series & {config: Config, color: string}} Shown */
/** @typedef {{trace: string, time: number, value: number, labels: Record<string, string>}} Exemplar */
/** @typedef {{target: any, data: any, exemplars: Exemplar[]}} Answer */
/** @typedef {import("../interpolate.js").Variables} Variables */
/**
 * @typedef {{panel: any, series: Shown[], answers: Answer[], exemplars: Exemplar[],
 *   around: import("../plot.js").Around, variables: Variables, step?: number, chosen: Chosen, title: string,
 *   follow: (address: string, more?: Variables) => string, trace: (id: string) => string | null}} Scene
 */
/** @typedef {{hidden: Set<string>, order: {name: string, falling?: boolean} | null}} Chosen */
/** @typedef {{left: number, top: number}} Pointer */
/**
 * @typedef {{numbers: any, summary: string, resize?: () => void, remove?: () => void, pointer?: () => Pointer | null,
 *   point?: (pointer: Pointer) => void}} Drawn
 */
/** @typedef {(body: HTMLElement, scene: Scene) => Drawn} Draw */

/**
 * @param {any} panel
 * @param {Answer[]} answers
 * @param {import("../interpolate.js").Variables} variables
 * @param {import("../colors.js").Theme} theme
 * @returns {Shown[]}
 */
export function shownSeries(panel, answers, variables, theme) {
  const found = answers.flatMap(({ data, target }) =>
    data.resultType === "string"
      ? []
      : seriesOf(data, { ...target, legendFormat: inText(target.legendFormat ?? "", variables) }),
  );
  return distinct(found).map((one, place) => {
    const config = configOf(panel.fieldConfig, {
      name: one.name,
      refId: one.refId,
      labels: one.labels,
      type: "number",
      values: one.values,
    });
    const last = reduce("lastNotNull", one.values);
    const step = typeof last === "number" ? reached(config, last)?.color : null;
    return {
      ...one,
      name: config.displayName || one.name,
      config,
      color: ofSeries(config, place, theme, step),
    };
  });
}

/** The rules of a panel, and what they make of each series. @param {Scene} scene */
export function reducedValues({ panel, series }) {
  const rule = panel.options?.reduceOptions?.calcs?.[0] ?? "lastNotNull";
  return series.map((one) => ({ one, rule, value: reduce(rule, one.values) }));
}

/**
 * The colour of a value: by mapping or threshold, where the board colours by value.
 * @param {Config} config
 * @param {any} value
 * @param {import("../colors.js").Theme} theme
 * @param {string} otherwise
 */
export function colorOfValue(config, value, theme, otherwise) {
  if (config.color?.mode === "fixed" || config.color?.mode?.startsWith("palette")) return otherwise;
  return named(display(config, value).color ?? "", theme) ?? otherwise;
}
