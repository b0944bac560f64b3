/**
 * Step and interval of a query, and the variables that name them, as Grafana documents them. Times are in
 * milliseconds.
 */

import { duration, durationText } from "./time.js";

/** @typedef {import("./time.js").Range} Range */
/**
 * @typedef {{step: number, start: number, end: number, range: number, rate: number}} Window What a query is
 * asked for.
 */

const S = 1000,
  M = 60 * S,
  H = 60 * M,
  D = 24 * H;

/** Below the first number, the step is the second. */
const ROUNDED = [
  [10, 1],
  [15, 10],
  [35, 20],
  [75, 50],
  [150, 100],
  [350, 200],
  [750, 500],
  [1500, S],
  [3500, 2 * S],
  [7500, 5 * S],
  [12500, 10 * S],
  [17500, 15 * S],
  [25000, 20 * S],
  [45000, 30 * S],
  [90000, M],
  [210000, 2 * M],
  [450000, 5 * M],
  [750000, 10 * M],
  [1050000, 15 * M],
  [1500000, 20 * M],
  [2700000, 30 * M],
  [5400000, H],
  [9000000, 2 * H],
  [16200000, 3 * H],
  [32400000, 6 * H],
  [D, 12 * H],
  [7 * D, D],
  [21 * D, 7 * D],
  [42 * D, 30 * D],
  [Infinity, 365 * D],
];

/** Prometheus answers this many points a series at most. */
const MOST_POINTS = 11000;

/** A round step near this one. @param {number} milliseconds */
export function rounded(milliseconds) {
  return /** @type {number[]} */ (ROUNDED.find(([below]) => milliseconds < below))[1];
}

/**
 * The window of a query: a step for `points` points (never below `minimum`, nor so small that Prometheus refuses), and
 * start and end moved down to multiples of it, so that a refresh asks for the same moments again.
 * @param {Range} range
 * @param {{points: number, scrape: number, minimum?: number, factor?: number, offset?: number}} options `scrape`: between
 *   two samples; `offset`: local time minus UTC.
 * @returns {Window}
 */
export function windowOf(range, { points, scrape, minimum = scrape, factor = 1, offset = 0 }) {
  const length = range.to - range.from;
  const wished = Math.max(rounded(length / Math.max(1, points)), minimum) * factor;
  const step = Math.max(wished, Math.ceil(length / MOST_POINTS / S) * S);
  const aligned = (/** @type {number} */ time) => Math.floor((time + offset) / step) * step - offset;
  return {
    step,
    start: aligned(range.from),
    end: aligned(range.to),
    range: length,
    rate: Math.max(step + scrape, 4 * scrape),
  };
}

/**
 * The window's own variables, as text for a query.
 * @param {Window} window
 * @returns {Record<string, string>}
 */
export function intervalVariables(window) {
  const seconds = Math.round(window.range / S);
  return {
    __interval: durationText(window.step),
    __interval_ms: String(window.step),
    __rate_interval: durationText(window.rate),
    __rate_interval_ms: String(window.rate),
    __range: `${seconds}s`,
    __range_s: String(seconds),
    __range_ms: String(window.range),
  };
}

/**
 * The least step of a target or its panel: `15s`, `>1m`, a variable's value.
 * @param {string | undefined} text
 * @param {number} otherwise
 */
export function minimumStep(text, otherwise) {
  const written = (text ?? "").replace(/^>/, "").trim();
  const found = /^\d+$/.test(written) ? Number(written) * S : duration(written);
  return Number.isNaN(found) ? otherwise : found;
}
