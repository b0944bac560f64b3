/** The buckets of a heatmap. Prometheus's are cumulative: each holds the ones below it, too. */

import { numberOf } from "./frames.js";

/** @typedef {import("./frames.js").Series} Series */
/**
 * @typedef {{times: number[], bounds: number[], counts: (number | null)[][]}} Buckets `counts[bucket][time]`;
 * `bounds` are upper.
 */

/** What fell into each bucket alone. @param {Series[]} all @returns {Buckets} */
export function bucketsOf(all) {
  const sorted = all
    .filter((one) => one.labels.le !== undefined)
    .sort((a, b) => numberOf(a.labels.le) - numberOf(b.labels.le));
  const times = [...new Set(sorted.flatMap((one) => one.times))].sort((a, b) => a - b);
  const rows = sorted.map((one) => new Map(one.times.map((time, at) => [time, one.values[at]])));
  const counts = rows.map((row, bucket) =>
    times.map((time) => {
      const own = row.get(time);
      if (own === undefined || Number.isNaN(own)) return null;
      return Math.max(0, own - (rows[bucket - 1]?.get(time) ?? 0));
    }),
  );
  return { times, bounds: sorted.map((one) => numberOf(one.labels.le)), counts };
}
