/** Exemplars: single measurements with the trace that they belong to, drawn as diamonds. */

import { named } from "../colors.js";

/** @typedef {import("./shown.js").Exemplar} Exemplar */

const RADIUS = 4;
const MOST = 60;

/**
 * @param {any} data of query_exemplars
 * @returns {Exemplar[]} the highest of each stretch of time, so that few are drawn
 */
export function exemplarsOf(data) {
  /** @type {Exemplar[]} */
  const all = (data ?? [])
    .flatMap((/** @type {any} */ { exemplars }) =>
      exemplars.map((/** @type {any} */ { labels, value, timestamp }) => ({
        trace: labels.trace_id ?? labels.traceID ?? labels.traceId ?? "",
        time: timestamp * 1000,
        value: Number(value),
        labels,
      })),
    )
    .filter((/** @type {Exemplar} */ one) => one.trace && Number.isFinite(one.value));
  if (all.length <= MOST) return all;
  const first = Math.min(...all.map(({ time }) => time)),
    last = Math.max(...all.map(({ time }) => time));
  /** @type {Map<number, Exemplar>} */
  const kept = new Map();
  for (const one of all) {
    const slot = Math.floor(((one.time - first) / (last - first + 1)) * MOST);
    if (one.value > (kept.get(slot)?.value ?? -Infinity)) kept.set(slot, one);
  }
  return [...kept.values()];
}

/** @param {any} plot @param {import("./shown.js").Scene} scene @param {string} scale */
export function marks(plot, { exemplars, around }, scale) {
  const { ctx, bbox } = plot;
  const size = RADIUS * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = named("purple", around.theme);
  for (const { time, value } of exemplars) {
    const x = plot.valToPos(time, "x", true),
      y = plot.valToPos(value, scale, true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width && y >= bbox.top && y <= bbox.top + bbox.height))
      continue;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.fill();
  }
  ctx.restore();
}

/**
 * The exemplar under the pointer.
 * @param {any} plot
 * @param {Exemplar[]} exemplars
 * @param {string} scale
 * @param {number} x
 * @param {number} y
 * @returns {Exemplar | undefined}
 */
export const near = (plot, exemplars, scale, x, y) =>
  exemplars.find(
    ({ time, value }) =>
      Math.hypot(plot.valToPos(time, "x") - x, plot.valToPos(value, scale) - y) <= RADIUS + 4,
  );
