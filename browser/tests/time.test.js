import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import {
  intervalVariables,
  minimumStep,
  rounded,
  windowOf,
} from "../../telemetry/look/static/js/interval.js";
import { duration, durationText, moment, range, wider } from "../../telemetry/look/static/js/time.js";

const grafana = createRequire(import.meta.url)("./grafana.cjs");
const NOW = Date.UTC(2026, 2, 31, 13, 45, 12, 345);

for (const text of [
  "now",
  "now-6h",
  "now-1M",
  "now-1M/M",
  "now/d",
  "now/w",
  "now-1d/d",
  "now+1h",
  "now-90m",
  "now/M",
  "now/y",
  "now/h",
  "now-5m/m",
  "now/Q",
  "now-2w",
  "now - 3d",
]) {
  for (const end of [false, true]) {
    test(`${text} ${end ? "as an end" : "as a begin"} is Grafana's moment`, () => {
      const theirs = grafana.dateMath.toDateTime(text, {
        roundUp: end,
        timezone: "utc",
        now: grafana.dateTimeForTimeZone("utc", NOW),
      });
      assert.equal(moment(text, { now: NOW, end, utc: true }), theirs.valueOf());
    });
  }
}

test("absolute times are milliseconds or ISO 8601, and nonsense is no time", () => {
  assert.equal(moment("1700000000000", { now: NOW }), 1700000000000);
  assert.equal(moment("2026-01-02T03:04:05Z", { now: NOW }), Date.UTC(2026, 0, 2, 3, 4, 5));
  for (const text of ["", "now-", "now-6x", "nowhere", "now/", "javascript:1"])
    assert.ok(Number.isNaN(moment(text, { now: NOW })), text);
  assert.equal(range({ from: "now", to: "now-1h" }, NOW), null);
});

test("durations are read and written", () => {
  assert.deepEqual(["1h30m", "15s", "500ms", "1d", "x", "", "5", "1h!"].map(duration), [
    5400000,
    15000,
    500,
    86400000,
    NaN,
    NaN,
    NaN,
    NaN,
  ]);
  assert.deepEqual([5400000, 15000, 500, 86400000, 0].map(durationText), [
    "1h30m",
    "15s",
    "500ms",
    "1d",
    "0s",
  ]);
});

test("a wider range has the same middle, and ends now at the latest", () => {
  assert.deepEqual(wider({ from: 1000, to: 2000 }, 1e9), { from: 500, to: 2500 });
  assert.deepEqual(wider({ from: 1000, to: 2000 }, 2000), { from: 0, to: 2000 });
});

test("steps are rounded as Grafana rounds them", () => {
  for (let size = 1; size < 4e10; size *= 1.07)
    assert.equal(rounded(size), grafana.rangeUtil.roundInterval(size), String(size));
});

const S = 1000,
  H = 3600 * S;
/** length, points, scrape, minimum -> $__interval, $__rate_interval; by Grafana's documentation */
const CASES = [
  [H, 1000, 15 * S, undefined, "15s", "1m"],
  [6 * H, 1000, 15 * S, undefined, "20s", "1m"],
  [24 * H, 1000, 15 * S, undefined, "1m", "1m15s"],
  [24 * H, 300, 15 * S, undefined, "5m", "5m15s"],
  [7 * 24 * H, 500, 15 * S, undefined, "20m", "20m15s"],
  [H, 1000, 60 * S, undefined, "1m", "4m"],
  [H, 1000, 15 * S, 120 * S, "2m", "2m15s"],
  [5 * 60 * S, 1000, 1 * S, undefined, "1s", "4s"],
];
for (const [length, points, scrape, minimum, interval, rate] of CASES) {
  test(`${length / H} h over ${points} points, scraped each ${scrape / S} s: ${interval}, ${rate}`, () => {
    const window = windowOf({ from: NOW - length, to: NOW }, { points, scrape, minimum });
    const written = intervalVariables(window);
    assert.deepEqual([written.__interval, written.__rate_interval], [interval, rate]);
    assert.equal(written.__range, `${length / S}s`);
    assert.equal(written.__range_ms, String(length));
    assert.equal(window.start % window.step, 0);
    assert.equal(window.end % window.step, 0);
    assert.ok(window.end <= NOW && NOW - window.end < window.step);
  });
}

test("a window never asks for more points than Prometheus answers, and is aligned to local days", () => {
  const long = windowOf({ from: NOW - 90 * 24 * H, to: NOW }, { points: 1e9, scrape: S });
  assert.ok((long.end - long.start) / long.step <= 11000);
  const daily = windowOf({ from: NOW - 30 * 24 * H, to: NOW }, { points: 30, scrape: 15 * S, offset: 9 * H });
  assert.equal((daily.start + 9 * H) % (24 * H), 0);
});

test("a least step may be written in Prometheus's, Grafana's or no units", () => {
  assert.deepEqual(
    ["30s", ">1m", "15", "", undefined, "auto"].map((text) => minimumStep(text, 7)),
    [30000, 60000, 15000, 7, 7, 7],
  );
});
