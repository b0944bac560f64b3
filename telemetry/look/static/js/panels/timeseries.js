/** Lines, bars and points over time. */

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { faded, named } from "../colors.js";
import { fill, h } from "../dom.js";
import { display } from "../fields.js";
import { aligned } from "../frames.js";
import { calculated, legendOf, mark } from "../legend.js";
import { axis, handles, increments, momentText, plotted, sizeOf, widthOf } from "../plot.js";
import { axisBase } from "../units.js";
import { say } from "../words.js";
import { marks, near } from "./exemplars.js";

/** @typedef {import("./shown.js").Scene} Scene */
/** @typedef {import("./shown.js").Shown} Shown */

/** @type {import("./shown.js").Draw} */
export function timeseries(body, scene) {
  const { panel, series } = scene;
  const rules = panel.options?.legend?.calcs ?? [];
  const area = h("div", { class: "graph" });
  const { chosen } = scene;
  const hidden = new Set(series.flatMap(({ name }, place) => (chosen.hidden.has(name) ? [place] : [])));
  const { times, values } = aligned(series, scene.step);
  let plot = made(area, scene, times, values, hidden);
  const legend =
    panel.options?.legend?.showLegend === false
      ? null
      : legendOf(series, panel.options?.legend, hidden, () => {
          chosen.hidden = new Set([...hidden].map((place) => series[place].name));
          plot.destroy();
          plot = made(area, scene, times, values, hidden);
          mark(/** @type {HTMLElement} */ (legend), hidden);
        });
  body.classList.toggle("beside", panel.options?.legend?.placement === "right");
  fill(body, area, legend);
  plot.setSize(sizeOf(area));
  return {
    numbers: {
      times,
      values,
      series: series.map((one) => ({
        name: one.name,
        refId: one.refId,
        labels: one.labels,
        calcs: calculated(one, [...rules, "lastNotNull"]),
      })),
    },
    summary: `${series.length} ${say("series")}. ${series
      .slice(0, 12)
      .map(
        (one) =>
          `${one.name} ${say("last")} ${display(one.config, calculated(one, ["lastNotNull"]).lastNotNull).text}`,
      )
      .join(", ")}.`,
    ...handles(() => plot, area),
  };
}

/**
 * @param {HTMLElement} area
 * @param {Scene} scene
 * @param {number[]} times
 * @param {(number | null)[][]} values
 * @param {Set<number>} hidden
 */
function made(area, scene, times, values, hidden) {
  const { around, series } = scene;
  const heights = stacked(series, values, hidden);
  const scaleOf = (/** @type {Shown} */ one) => one.config.unit || "number";
  const units = [...new Set(series.map(scaleOf))];
  const configs = units.map(
    (unit) => /** @type {Shown} */ (series.find((one) => scaleOf(one) === unit)).config,
  );
  const plot = plotted(area, {
    around,
    label: scene.title,
    data: [times, ...heights.rows],
    series: series.map((one, place) =>
      seriesOptions(
        one,
        scaleOf(one),
        !hidden.has(place),
        heights.under.has(place),
        heights.under.size ? 1 : series.length - hidden.size,
      ),
    ),
    bands: [...heights.under].map(([place, below]) => ({
      series: [place + 1, below + 1],
      fill: faded(series[place].color, fillOf(series[place])),
    })),
    scales: Object.fromEntries(units.map((unit, at) => [unit, scaleOptions(configs[at])])),
    axes: units.map((unit, at) => valueAxis(around, unit, configs[at], at > 0)),
    draw: (own) => {
      configs.forEach((config, at) => thresholds(own, units[at], config, around.theme));
      marks(own, scene, units[0]);
    },
    tip: (own, at) => tipOf(own, at, scene, values, hidden),
    click: (own, x, y) => {
      const found = near(own, scene.exemplars, units[0], x, y);
      const link = found && scene.trace(found.trace);
      if (link) window.open(link, "_blank", "noopener,noreferrer");
    },
  });
  return plot;
}

/**
 * Many areas over each other would be mud: each is fainter then.
 * @param {Shown} one
 * @param {number} [count]
 */
const fillOf = ({ config }, count = 1) => ((config.custom?.fillOpacity ?? 0) / 100) * Math.min(1, 2 / count);

/**
 * The heights to draw: of stacked series each on top of the one `under` it.
 * @param {Shown[]} series
 * @param {(number | null)[][]} values
 * @param {Set<number>} hidden
 */
export function stacked(series, values, hidden) {
  /** @type {Map<number, number>} */
  const under = new Map();
  /** @type {Map<string, number>} */
  const top = new Map();
  const rows = values.map((row) => row);
  series.forEach((one, place) => {
    const { mode = "none", group = "A" } = one.config.custom?.stacking ?? {};
    if (mode === "none" || hidden.has(place)) return;
    const key = `${mode} ${group} ${one.config.unit ?? ""}`;
    const below = top.get(key);
    const own = mode === "percent" ? shares(values, series, place, hidden) : values[place];
    rows[place] =
      below === undefined
        ? own
        : own.map((value, at) => (value === null ? rows[below][at] : value + (rows[below][at] ?? 0)));
    if (below !== undefined) under.set(place, below);
    top.set(key, place);
  });
  return { rows, under };
}

/**
 * @param {(number | null)[][]} values
 * @param {Shown[]} series
 * @param {number} place
 * @param {Set<number>} hidden
 */
function shares(values, series, place, hidden) {
  const group = series
    .map((one, at) => at)
    .filter((at) => !hidden.has(at) && series[at].config.custom?.stacking?.mode === "percent");
  return values[place].map((value, at) => {
    const total = group.reduce((sum, other) => sum + Math.abs(values[other][at] ?? 0), 0);
    return value === null || !total ? value : value / total;
  });
}

/**
 * @param {Shown} one
 * @param {string} scale
 * @param {boolean} show
 * @param {boolean} banded
 * @param {number} count
 */
function seriesOptions(one, scale, show, banded, count) {
  const {
    drawStyle = "line",
    lineWidth = 1,
    lineInterpolation,
    lineStyle,
    spanNulls,
    showPoints = "auto",
    pointSize = 5,
  } = one.config.custom ?? {};
  const opacity = fillOf(one, count);
  return {
    scale,
    show,
    label: one.name,
    stroke: one.color,
    width: drawStyle === "points" ? 0 : lineWidth,
    spanGaps: spanNulls === true,
    ...(opacity && !banded && { fill: faded(one.color, opacity) }),
    ...(lineStyle?.fill === "dash" && { dash: lineStyle.dash ?? [8, 6] }),
    paths: pathsOf(drawStyle, lineInterpolation),
    points: {
      size: pointSize,
      show:
        drawStyle === "points" || showPoints === "always" ? true : showPoints === "never" ? false : undefined,
      filter: alone,
    },
  };
}

/**
 * A value between two gaps has no line: it is drawn as a point.
 * @param {any} plot
 * @param {number} place
 * @param {boolean} show
 */
function alone(plot, place, show) {
  if (show) return null;
  const row = plot.data[place];
  const found = [];
  for (let at = 0; at < row.length; at++)
    if (row[at] != null && row[at - 1] == null && row[at + 1] == null) found.push(at);
  return found.length ? found : null;
}

/** @param {string} style @param {string} [interpolation] */
function pathsOf(style, interpolation) {
  const paths = /** @type {any} */ (uPlot.paths);
  if (style === "points") return () => null;
  if (style === "bars") return paths.bars({ size: [0.8, 60], align: 0 });
  if (interpolation === "smooth") return paths.spline();
  if (interpolation === "stepAfter" || interpolation === "stepBefore")
    return paths.stepped({ align: interpolation === "stepAfter" ? 1 : -1 });
  return paths.linear();
}

/** @param {import("../fields.js").Config} config */
function scaleOptions({ min, max, custom = {} }) {
  const log = custom.scaleDistribution?.type === "log" ? (custom.scaleDistribution.log ?? 10) : null;
  return {
    ...(log && { distr: 3, log }),
    range: (/** @type {any} */ _, /** @type {number | null} */ low, /** @type {number | null} */ high) =>
      log ? logRange(low, high, log) : linearRange(low, high, min ?? null, max ?? null, custom),
  };
}

/** @param {number | null} low @param {number | null} high @param {number} base */
const logRange = (low, high, base) =>
  low === null || high === null || high <= 0
    ? [1, base]
    : uPlot.rangeLog(Math.max(low, Number.MIN_VALUE), high, /** @type {2 | 10} */ (base), false);

/**
 * @param {number | null} low
 * @param {number | null} high
 * @param {number | null} min
 * @param {number | null} max
 * @param {any} custom
 */
function linearRange(low, high, min, max, { axisSoftMin, axisSoftMax }) {
  const least = Math.min(low ?? min ?? 0, axisSoftMin ?? Infinity),
    most = Math.max(high ?? max ?? 1, axisSoftMax ?? -Infinity);
  const [below, above] =
    least === most
      ? [Math.min(0, least), least > 0 ? least * 1.25 : 1]
      : uPlot.rangeNum(least, most, 0.08, true);
  const from = min ?? below ?? 0,
    to = max ?? above ?? 1;
  return from < to ? [from, to] : [from, from + 1];
}

/**
 * @param {import("../plot.js").Around} around
 * @param {string} scale
 * @param {import("../fields.js").Config} config
 * @param {boolean} right
 */
function valueAxis({ theme }, scale, config, right) {
  const base = axisBase(config.unit);
  return axis(theme, {
    scale,
    side: right || config.custom?.axisPlacement === "right" ? 1 : 3,
    space: 32,
    incrs: increments(base, config.unit === "ms" ? 1000 : 1),
    show: config.custom?.axisPlacement !== "hidden",
    ...(right && { grid: { show: false } }),
    ...(config.custom?.axisLabel && { label: config.custom.axisLabel, labelSize: 20 }),
    values: (/** @type {any} */ _, /** @type {number[]} */ splits) => axisTexts(splits, config),
    size: (/** @type {any} */ plot, /** @type {string[]} */ values) => widthOf(plot, values),
  });
}

/**
 * The values of an axis, each with as few decimals as keep it true.
 * @param {(number | null)[]} splits
 * @param {import("../fields.js").Config} config
 */
export function axisTexts(splits, config) {
  const plain = { ...config, mappings: undefined };
  return splits.map((value) =>
    value === null ? "" : shortest((decimals) => display(plain, value, decimals).text),
  );
}

/** @param {(decimals?: number) => string} written */
function shortest(written) {
  const exact = parseFloat(written(9));
  for (let decimals = 0; decimals < 6; decimals++) {
    const text = written(decimals);
    if (Math.abs(parseFloat(text) - exact) <= 0.005 * Math.abs(exact)) return text;
  }
  return written();
}

/**
 * @param {any} plot
 * @param {string} scale
 * @param {import("../fields.js").Config} config
 * @param {import("../colors.js").Theme} theme
 */
function thresholds(plot, scale, config, theme) {
  const mode = config.custom?.thresholdsStyle?.mode ?? "off";
  if (mode === "off") return;
  const { left, top, width, height } = plot.bbox;
  const { ctx } = plot;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  if (mode.includes("dashed")) ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
  for (const { value, color } of config.thresholds?.steps ?? []) {
    const y = value === null ? NaN : plot.valToPos(value, scale, true);
    if (!(y >= top && y <= top + height)) continue;
    ctx.strokeStyle = ctx.fillStyle = named(color, theme) ?? "gray";
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    if (mode !== "area") ctx.stroke();
    ctx.globalAlpha = 0.08;
    if (mode.includes("area")) ctx.fillRect(left, top, width, y - top);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}

/**
 * @param {any} plot
 * @param {number} at
 * @param {Scene} scene
 * @param {(number | null)[][]} values
 * @param {Set<number>} hidden
 */
function tipOf(plot, at, scene, values, hidden) {
  const { panel, series, around } = scene;
  const { mode = "multi", sort = "none" } = panel.options?.tooltip ?? {};
  if (mode === "none") return null;
  const closest = nearest(plot);
  const rows = series
    .map((one, place) => ({
      place,
      value: values[place][at],
      color: one.color,
      name: one.name,
      value_: display(one.config, values[place][at]).text,
    }))
    .filter(
      ({ place, value }) => value !== null && !hidden.has(place) && (mode !== "single" || place === closest),
    );
  if (sort !== "none") rows.sort((a, b) => (Number(a.value) - Number(b.value)) * (sort === "desc" ? -1 : 1));
  const exemplar = near(plot, scene.exemplars, plot.series[1]?.scale, plot.cursor.left, plot.cursor.top);
  return {
    title: momentText(plot.data[0][at], around.utc),
    rows: [
      ...rows.map(({ place, color, name, value_ }) => ({
        color,
        name,
        value: value_,
        strong: place === closest,
      })),
      ...(exemplar ? [{ color: null, name: say("trace"), value: exemplar.trace.slice(0, 16) }] : []),
    ],
  };
}

/** The place of the series nearest to the cursor. @param {any} plot */
function nearest(plot) {
  const { idx, top } = plot.cursor;
  let found = -1,
    least = Infinity;
  plot.series.forEach((/** @type {any} */ one, /** @type {number} */ at) => {
    const value = at && one.show ? plot.data[at][idx] : null;
    const away = value == null ? Infinity : Math.abs(plot.valToPos(value, one.scale) - top);
    if (away < least) [found, least] = [at - 1, away];
  });
  return found;
}
