import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { formatOf, joined } from "../../telemetry/look/static/js/units.js";

const grafana = createRequire(import.meta.url)("./grafana.cjs");
const UNITS = [
  "none",
  "locale",
  "short",
  "sishort",
  "percent",
  "percentunit",
  "sci",
  "ns",
  "µs",
  "ms",
  "s",
  "m",
  "h",
  "d",
  "dthms",
  "bytes",
  "kbytes",
  "mbytes",
  "gbytes",
  "bits",
  "decbytes",
  "deckbytes",
  "decmbytes",
  "decgbytes",
  "decbits",
  "Bps",
  "bps",
  "binBps",
  "binbps",
  "KBs",
  "MBs",
  "pps",
  "hertz",
  "watt",
  "joule",
  "volt",
  "amp",
  "celsius",
  "fahrenheit",
  "humidity",
  "rotrpm",
  "cps",
  "ops",
  "reqps",
  "rps",
  "wps",
  "iops",
  "eps",
  "mps",
  "recps",
  "rowsps",
  "cpm",
  "opm",
  "rpm",
  "wpm",
  "reqpm",
  "epm",
  "currencyUSD",
  "currencyGBP",
  "currencyEUR",
  "currencyJPY",
  "currencyKRW",
  "bool",
  "bool_on_off",
  "bool_yes_no",
  "suffix:조각",
  "prefix:~",
  "count:tokens",
  "currency:kr",
  "si:mV",
  "si:Pa",
  "bool:yes/no",
  "widgets",
];
const SIZES = [
  0, 1e-10, 5e-7, 0.00012345, 0.001, 0.0123, 0.05, 0.5, 0.999, 1, 1.5, 2.25, 2.26, 9.99, 12.345, 59.9, 60,
  61.7, 100, 999, 1000, 1023, 1024, 1234.5, 3599, 3600, 5400, 86399, 86400, 100000, 604800, 1234567, 31535999,
  31536000, 4e7, 1e9, 1.5e12, 3.2e15,
];
/** Where a unit of time begins, and just below. */
const EDGES = [
  1, 7, 24, 60, 168, 365, 1000, 1440, 3600, 8760, 10080, 60000, 86400, 525948, 604800, 3600000, 31536000,
  86400000, 31536000000, 6e10, 36e11, 864e11,
];
const VALUES = [
  ...EDGES.flatMap((edge) => [edge, edge * 0.999]),
  ...SIZES,
  ...SIZES.filter(Boolean).map((size) => -size),
  Infinity,
  -Infinity,
];
const text = (shown) => joined({ ...shown, prefix: shown.prefix ?? "", suffix: shown.suffix ?? "" });

for (const unit of UNITS) {
  test(`${unit} is written as Grafana writes it`, () => {
    const theirs = grafana.getValueFormat(unit);
    for (const value of VALUES) {
      for (const decimals of [undefined, null, 0, 1, 2, 3]) {
        const expected = grafana.formattedValueToString(theirs(value, decimals));
        if (/undefined|NaN/.test(expected)) continue; // "∞undefined req/s": a fault of Grafana's
        assert.equal(text(formatOf(unit)(value, decimals)), expected, `${value} with ${decimals} decimals`);
      }
    }
  });
}

test("every unit of our boards is one of these", () => {
  const folder = new URL("../../monitoring/grafana/dashboards/", import.meta.url);
  const used = readdirSync(folder).flatMap((name) =>
    [...readFileSync(new URL(name, folder), "utf8").matchAll(/"unit": "([^"]+)"/g)].map((found) => found[1]),
  );
  assert.ok(used.length > 50);
  assert.deepEqual(
    [...new Set(used)].filter((unit) => !UNITS.includes(unit)),
    [],
  );
});
