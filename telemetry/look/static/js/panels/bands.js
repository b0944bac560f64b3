/** Panels of coloured boxes over time: heatmap and state-timeline. */

import { bucketsOf } from "../buckets.js";
import { faded, named, ofPalette } from "../colors.js";
import { fill, h } from "../dom.js";
import { display } from "../fields.js";
import { legendOf } from "../legend.js";
import { axis, handles, momentText, plotted, widthOf } from "../plot.js";
import { say } from "../words.js";
import { colorOfValue } from "./shown.js";

/** @typedef {import("./shown.js").Scene} Scene */

/**
 * @param {any} plot
 * @param {number} from
 * @param {number} to
 * @param {number} row
 * @param {string} color
 * @param {number} gap
 */
function box(plot, from, to, row, color, gap) {
  const { ctx, bbox } = plot;
  const left = Math.max(bbox.left, plot.valToPos(from, "x", true)),
    right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
  const top = plot.valToPos(row + 1, "y", true),
    bottom = plot.valToPos(row, "y", true);
  if (right <= left) return;
  ctx.fillStyle = color;
  ctx.fillRect(
    left,
    top + gap,
    Math.max(1, right - left - (gap > 1 ? 0 : gap)),
    Math.max(1, bottom - top - 2 * gap),
  );
}

/**
 * @param {Scene} scene
 * @param {string[]} names of the rows, upwards
 * @param {boolean} between a name stands at its row's upper edge
 */
function rowsAxis({ around }, names, between) {
  const each = Math.max(1, Math.ceil(names.length / 9));
  return axis(around.theme, {
    scale: "y",
    grid: { show: false },
    splits: () => names.map((_, at) => (between ? at + 1 : at + 0.5)),
    values: () => names.map((name, at) => (between && (names.length - 1 - at) % each ? "" : name)),
    size: (/** @type {any} */ plot, /** @type {string[]} */ values) => Math.min(180, widthOf(plot, values)),
  });
}

/**
 * @param {HTMLElement} area
 * @param {Scene} scene
 * @param {number[]} times
 * @param {number} rows
 * @param {number} least few rows do not fill the graph
 * @param {Record<string, any>} more
 */
const boxed = (area, scene, times, rows, least, more) =>
  plotted(
    area,
    /** @type {any} */ ({
      around: scene.around,
      label: scene.title,
      data: [times, times.map(() => null)],
      series: [{ scale: "y", show: false }],
      scales: { y: { range: () => [Math.min(0, rows - least), rows] } },
      ...more,
    }),
  );

/** The row under the pointer. @param {any} plot */
const rowAt = (plot) => Math.floor(plot.posToVal(plot.cursor.top, "y"));

/** @type {import("./shown.js").Draw} */
export function heatmap(body, scene) {
  const { panel, around } = scene;
  const { times, bounds, counts } = bucketsOf(scene.series);
  const unit = panel.options?.yAxis?.unit ?? panel.fieldConfig?.defaults?.unit;
  const names = bounds.map((bound) =>
    bound === Infinity ? "∞" : display({ unit, decimals: panel.options?.yAxis?.decimals }, bound).text,
  );
  const most = counts.flat().reduce((/** @type {number} */ high, count) => Math.max(high, count ?? 0), 0);
  const color = named(panel.options?.color?.fill ?? "orange", around.theme) ?? ofPalette(1, around.theme);
  const exponent = panel.options?.color?.exponent ?? 0.5;
  const width = scene.step ?? (times[1] - times[0] || 60000);
  const area = h("div", { class: "graph" });
  fill(body, area);
  const plot = boxed(area, scene, times, bounds.length, 1, {
    axes: [rowsAxis(scene, names, true)],
    draw: (/** @type {any} */ own) =>
      counts.forEach((row, bucket) =>
        row.forEach((count, at) => {
          if (count)
            box(
              own,
              times[at] - width,
              times[at],
              bucket,
              faded(color, 0.08 + 0.92 * (count / most) ** exponent),
              1,
            );
        }),
      ),
    tip: (/** @type {any} */ own, /** @type {number} */ at) => ({
      title: momentText(times[at], around.utc),
      rows: counts
        .map((row, bucket) => ({
          color: null,
          name: `≤ ${names[bucket]}`,
          value: display({}, row[at]).text,
          strong: bucket === rowAt(own),
        }))
        .reverse(),
    }),
  });
  return {
    numbers: { times, bounds, counts },
    summary: `${bounds.length} × ${times.length}, ${say("max")} ${display({}, most).text}`,
    ...handles(() => plot, area),
  };
}

/** A stretch of time in which a value stays. @typedef {{from: number, to: number, value: number}} Stretch */

/**
 * @param {import("./shown.js").Shown} one
 * @param {number} width how long a value stands for
 * @returns {Stretch[]}
 */
export function stretches({ times, values }, width) {
  /** @type {Stretch[]} */
  const found = [];
  times.forEach((time, at) => {
    const last = found[found.length - 1];
    if (Number.isNaN(values[at])) return;
    if (last && last.value === values[at] && time - last.to <= width / 2) last.to = time + width;
    else found.push({ from: time, to: time + width, value: values[at] });
  });
  return found;
}

/** @type {import("./shown.js").Draw} */
export function timeline(body, scene) {
  const { series, around } = scene;
  const upwards = [...series].reverse();
  const width = scene.step ?? 60000;
  const all = upwards.map((one) => stretches(one, width));
  const area = h("div", { class: "graph" });
  const times = [...new Set(series.flatMap((one) => one.times))].sort((a, b) => a - b);
  const colorOf = (/** @type {number} */ row, /** @type {number} */ value) =>
    colorOfValue(upwards[row].config, value, around.theme, upwards[row].color);
  const legend = legendOf(
    series.map((one) => ({
      ...one,
      color: colorOfValue(one.config, Math.max(...one.values), around.theme, one.color),
    })),
    { displayMode: "list" },
    new Set(),
    () => undefined,
  );
  fill(body, area, series.length > 12 ? legend : null);
  const plot = boxed(area, scene, times, upwards.length, 6, {
    axes: [
      rowsAxis(
        scene,
        upwards.map(({ name }) => name),
        false,
      ),
    ],
    draw: (/** @type {any} */ own) =>
      all.forEach((row, at) =>
        row.forEach(({ from, to, value }) =>
          box(own, from, to, at, colorOf(at, value), 3 * devicePixelRatio),
        ),
      ),
    tip: (/** @type {any} */ own, /** @type {number} */ at) => ({
      title: momentText(times[at], around.utc),
      rows: upwards
        .flatMap((one, row) => {
          const place = one.times.indexOf(times[at]);
          return place < 0
            ? []
            : [
                {
                  color: colorOf(row, one.values[place]),
                  name: one.name,
                  value: display(one.config, one.values[place]).text,
                  strong: row === rowAt(own),
                },
              ];
        })
        .reverse(),
    }),
  });
  return {
    numbers: { rows: upwards.map((one, at) => ({ name: one.name, labels: one.labels, stretches: all[at] })) },
    summary: upwards
      .map(
        (one, at) =>
          `${one.name}: ${all[at].map(({ from, to, value }) => `${display(one.config, value).text} ${momentText(from, around.utc)} – ${momentText(to, around.utc).slice(11)}`).join(", ")}`,
      )
      .join("; "),
    ...handles(() => plot, area),
  };
}
