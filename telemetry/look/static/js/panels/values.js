/** Single numbers: large (stat), as bars (bargauge), and as shares of their sum (piechart). */

import { faded, named } from "../colors.js";
import { fill, h, svg } from "../dom.js";
import { display } from "../fields.js";
import { swatch } from "../plot.js";
import { reduce } from "../reduce.js";
import { say } from "../words.js";
import { colorOfValue, reducedValues } from "./shown.js";

/** @typedef {import("./shown.js").Scene} Scene */
/** @typedef {import("./shown.js").Shown} Shown */

/**
 * @param {{one: Shown, value: any, rule: string}[]} values
 * @param {string} [more]
 * @returns {import("./shown.js").Drawn}
 */
const drawn = (values, more = "") => ({
  numbers: {
    values: values.map(({ one, value, rule }) => ({
      name: one.name,
      refId: one.refId,
      labels: one.labels,
      rule,
      value,
    })),
  },
  summary:
    values
      .map(({ one, value }) => `${one.name} ${display(one.config, value).text || say("noData")}`)
      .join(", ") + more,
});

/** @type {import("./shown.js").Draw} */
export function stat(body, scene) {
  const { panel, around } = scene;
  const values = reducedValues(scene);
  const named = panel.options?.textMode ?? "auto";
  const withName =
    named.includes("name") || (named === "auto" && (values.length > 1 || values[0].one.name !== scene.title));
  fill(
    body,
    h(
      "div",
      { class: `stats ${panel.options?.orientation === "horizontal" ? "rows" : ""}` },
      values.map(({ one, value }) => {
        const color = colorOfValue(one.config, value, around.theme, "var(--text)");
        const background = panel.options?.colorMode?.startsWith("background");
        return h(
          "div",
          { class: background ? "figure filled" : "figure", style: { "--value": color } },
          h(
            "div",
            { class: "said" },
            named === "name"
              ? null
              : h(
                  "div",
                  { class: "big", "data-value": String(value) },
                  display(one.config, value).text || say("noData"),
                ),
            withName && named !== "value" && named !== "none" ? h("div", { class: "under" }, one.name) : null,
          ),
          panel.options?.graphMode === "area" && one.times.length > 1 ? spark(one, color) : null,
        );
      }),
    ),
  );
  return drawn(values);
}

/** The way of the numbers, without axes. @param {Shown} one @param {string} color */
function spark({ times, values, config }, color) {
  const numbers = values.filter(Number.isFinite);
  if (numbers.length < 2) return null;
  const low = Math.min(...numbers, config.min ?? Infinity),
    high = Math.max(...numbers, config.max ?? -Infinity);
  const x = (/** @type {number} */ time) =>
    (((time - times[0]) / (times[times.length - 1] - times[0])) * 100).toFixed(2);
  const y = (/** @type {number} */ value) =>
    (high === low ? 20 : 38 - ((value - low) / (high - low)) * 34).toFixed(2);
  const points = times.flatMap((time, at) =>
    Number.isFinite(values[at]) ? [`${x(time)},${y(values[at])}`] : [],
  );
  const first = points[0].split(",")[0],
    last = points[points.length - 1].split(",")[0];
  return svg(
    "svg",
    { class: "spark", viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: `M${first},40L${points.join("L")}L${last},40Z`, fill: faded(color, 0.12) }),
    svg("path", {
      d: `M${points.join("L")}`,
      fill: "none",
      stroke: faded(color, 0.55),
      "stroke-width": 1.5,
      "vector-effect": "non-scaling-stroke",
    }),
  );
}

/** @type {import("./shown.js").Draw} */
export function bargauge(body, scene) {
  const values = reducedValues(scene);
  const numbers = values
    .map(({ value }) => value)
    .filter((value) => typeof value === "number" && Number.isFinite(value));
  fill(
    body,
    h(
      "ul",
      { class: "bars" },
      values.map(({ one, value }) => {
        const { config } = one;
        const low = config.min ?? Math.min(0, ...numbers),
          high = config.max ?? Math.max(low, ...numbers);
        const share = (/** @type {number} */ of) =>
          high > low ? Math.min(1, Math.max(0, (of - low) / (high - low))) : 0;
        const color = colorOfValue(
          config,
          value,
          scene.around.theme,
          named("blue", scene.around.theme) ?? "blue",
        );
        const zero = share(0),
          end = typeof value === "number" ? share(value) : zero;
        return h(
          "li",
          {},
          h("span", { class: "bar-name", title: one.name }, one.name),
          h(
            "span",
            { class: "track", "aria-hidden": "true" },
            h("span", {
              class: "bar-fill",
              style: {
                left: `${Math.min(zero, end) * 100}%`,
                width: `${Math.abs(end - zero) * 100}%`,
                "background-color": color,
              },
            }),
          ),
          h(
            "span",
            { class: "bar-value number", "data-value": String(value), style: { "--value": color } },
            display(config, value).text || say("noData"),
          ),
        );
      }),
    ),
  );
  return drawn(values);
}

/** @type {import("./shown.js").Draw} */
export function piechart(body, scene) {
  const values = reducedValues(scene).filter(({ value }) => typeof value === "number" && value >= 0);
  const total = reduce(
    "sum",
    values.map(({ value }) => value),
  );
  const inner = scene.panel.options?.pieType === "donut" ? 26 : 0;
  let from = 0;
  const slices = values.map(({ one, value }) => {
    const begin = from;
    from += total ? value / total : 0;
    return svg(
      "path",
      { d: slice(begin, from, inner), fill: one.color },
      svg("title", {}, `${one.name} ${display(one.config, value).text}`),
    );
  });
  const percent = (/** @type {number} */ value) =>
    `${total ? ((value / total) * 100).toFixed(value / total < 0.1 ? 1 : 0) : 0}%`;
  const rows = values.map(({ one, value }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, swatch(one.color), one.name),
      h("td", { class: "number", "data-value": String(value) }, display(one.config, value).text),
      h("td", { class: "number" }, percent(value)),
    ),
  );
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, say("name")),
    h("th", { scope: "col", class: "number" }, say("value")),
    h("th", { scope: "col", class: "number" }, say("share")),
  );
  fill(
    body,
    h(
      "div",
      { class: "pie" },
      svg("svg", { viewBox: "-50 -50 100 100", "aria-hidden": "true" }, slices),
      h("div", { class: "legend" }, h("table", {}, h("thead", {}, head), h("tbody", {}, rows))),
    ),
  );
  return drawn(values);
}

/** @param {number} from @param {number} to shares of the circle @param {number} inner */
function slice(from, to, inner) {
  const point = (/** @type {number} */ share, /** @type {number} */ radius) =>
    `${(Math.sin(share * 2 * Math.PI) * radius).toFixed(3)} ${(-Math.cos(share * 2 * Math.PI) * radius).toFixed(3)}`;
  if (to - from >= 0.99999) return ring(48) + (inner ? ring(-inner) : "");
  const large = to - from > 0.5 ? 1 : 0;
  return `M${point(from, 48)}A48 48 0 ${large} 1 ${point(to, 48)}L${point(to, inner)}${inner ? `A${inner} ${inner} 0 ${large} 0 ${point(from, inner)}` : ""}Z`;
}

/** A whole circle; below 0 in the other direction, as a hole. @param {number} radius */
const ring = (radius) => {
  const r = Math.abs(radius),
    turn = radius > 0 ? 1 : 0;
  return `M0 ${-r}A${r} ${r} 0 1 ${turn} 0 ${r}A${r} ${r} 0 1 ${turn} 0 ${-r}Z`;
};
