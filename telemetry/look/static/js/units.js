/** Numbers as text by the unit's name in a board: the same text as Grafana's, for the units listed here. */

/** @typedef {{text: string, prefix?: string, suffix?: string}} Shown */
/** @typedef {(value: number, decimals?: number | null) => Shown} Format */

/** As many decimals as show about three digits; a whole number has none. @param {number} value */
function usefulDecimals(value) {
  if (value % 1 === 0) return 0;
  const size = Math.abs(value);
  const digits = 1 - Math.floor(Math.log(size) / Math.LN10);
  return Math.max(0, size / 10 ** -digits > 2.25 ? digits + 1 : digits);
}

/** @param {number} value @param {number | null} [decimals] */
export function fixed(value, decimals) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value.toLocaleString();
  const places = decimals ?? usefulDecimals(value);
  const text = String(Math.round(value * 10 ** places) / 10 ** places);
  if (text.includes("e") || places <= 0) return text;
  const [whole, part = ""] = text.split(".");
  return `${whole}.${part.padEnd(places, "0")}`;
}

/** @param {string} [suffix] @param {number} [factor] @returns {Format} */
const plain =
  (suffix = "", factor = 1) =>
  (value, decimals) => ({ text: fixed(value * factor, decimals), suffix });

/**
 * Divided by `base` until it is handy. `names[first]` is undivided.
 * @param {number} base
 * @param {string[]} names
 * @param {number} [first]
 * @returns {Format}
 */
function scaled(base, names, first = 0) {
  return (value, decimals) => {
    if (!Number.isFinite(value)) return { text: value.toLocaleString() };
    const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) / Math.log10(base));
    const at = Math.min(Math.max(first + power, 0), names.length - 1);
    return { text: fixed(value / base ** (at - first), decimals), suffix: names[at] };
  };
}

const COUNTS = ["", "K", "M", "B", "T"];
const DECIMAL = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/** @param {string} unit @returns {Format} */
const counted = (unit) =>
  scaled(
    1000,
    COUNTS.map((name) => `${name} ${unit}`),
  );
/** @param {string} unit @param {number} [power] @returns {Format} */
const metric = (unit, power = 0) =>
  scaled(
    1000,
    DECIMAL.map((name) => ` ${name}${unit}`),
    5 + power,
  );
/** @param {string} unit @param {number} [power] @returns {Format} */
const binary = (unit, power = 0) =>
  scaled(
    1024,
    BINARY.map((name) => ` ${name}${unit}`),
    power,
  );

/** @param {string} symbol @param {boolean} [after] @returns {Format} */
function currency(symbol, after = false) {
  const scale = scaled(1000, COUNTS);
  return (value, decimals) => {
    const shown = scale(Math.abs(value), decimals);
    const sign = value < 0 ? "-" : "";
    return after
      ? { ...shown, prefix: sign, suffix: `${shown.suffix ?? ""}${symbol}` }
      : { ...shown, prefix: `${sign}${symbol}` };
  };
}

const MINUTE = 60,
  HOUR = 3600,
  DAY = 86400,
  WEEK = 604800,
  YEAR = 31536000;
/** @typedef {[below: number, one: number, name: string]} Rung */
/**
 * For a time in each unit: below a size it is shown in a unit that holds so many of it. A long time is in
 * years of their mean length.
 * @type {Record<string, Rung[]>}
 */
const TIMES = {
  ns: [
    [1e3, 1, "ns"],
    [1e6, 1e3, "µs"],
    [1e9, 1e6, "ms"],
    [6e10, 1e9, "s"],
    [36e11, 6e10, "min"],
    [864e11, 36e11, "hour"],
    [Infinity, 864e11, "day"],
  ],
  µs: [
    [1e3, 1, "µs"],
    [1e6, 1e3, "ms"],
    [Infinity, 1e6, "s"],
  ],
  ms: [
    [1e3, 1, "ms"],
    [6e4, 1e3, "s"],
    [36e5, 6e4, "min"],
    [864e5, 36e5, "hour"],
    [31536e6, 864e5, "day"],
    [Infinity, 31536e6, "year"],
  ],
  s: [
    [1e-6, 1e-9, "ns"],
    [1e-3, 1e-6, "µs"],
    [1, 1e-3, "ms"],
    [MINUTE, 1, "s"],
    [HOUR, MINUTE, "min"],
    [DAY, HOUR, "hour"],
    [WEEK, DAY, "day"],
    [YEAR, WEEK, "week"],
    [Infinity, 31556900, "year"],
  ],
  m: [
    [60, 1, "min"],
    [1440, 60, "hour"],
    [10080, 1440, "day"],
    [604800, 10080, "week"],
    [Infinity, 525948, "year"],
  ],
  h: [
    [24, 1, "hour"],
    [168, 24, "day"],
    [8760, 168, "week"],
    [Infinity, 8760, "year"],
  ],
  d: [
    [7, 1, "day"],
    [365, 7, "week"],
    [Infinity, 365, "year"],
  ],
};
const PLURAL = new Set(["min", "hour", "day", "week", "year"]);

/** @param {string} unit @returns {Format} */
function time(unit) {
  return (value, decimals) => {
    if (value === 0 && unit === "s") return { text: "0", suffix: " s" };
    const [, one, name] = /** @type {Rung} */ (
      TIMES[unit].find(([below]) => Math.abs(value) < below) ?? TIMES[unit].at(-1)
    );
    const shown = one < 1 ? value * Math.round(1 / one) : value / one;
    const several = PLURAL.has(name) && Math.abs(shown) > 1 && (one !== 1 || unit === "d");
    return { text: fixed(shown, decimals), suffix: ` ${name}${several ? "s" : ""}` };
  };
}

/** @param {number} value */
function clock(value) {
  const seconds = Math.floor(Math.abs(value));
  const parts = [Math.floor(seconds / HOUR), Math.floor((seconds % HOUR) / MINUTE), seconds % MINUTE];
  return {
    text: parts.map((part) => String(part).padStart(2, "0")).join(":"),
    suffix: value < 0 ? " ago" : "",
  };
}

/** @param {number} value */
export function dateText(value) {
  const date = new Date(value);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** @param {string} yes @param {string} no @returns {Format} */
const either = (yes, no) => (value) => ({ text: value ? yes : no });

/** @type {Record<string, Format>} */
const FORMATS = {
  none: plain(),
  "": plain(),
  short: scaled(1000, ["", " K", " Mil", " Bil", " Tri", " Quadr", " Quint", " Sext", " Sept"]),
  sishort: metric(""),
  percent: plain("%"),
  percentunit: plain("%", 100),
  string: (value) => ({ text: String(value) }),
  sci: (value, decimals) => ({ text: value.toExponential(decimals ?? undefined) }),
  locale: (value, decimals) => ({
    text: value.toLocaleString(undefined, { maximumFractionDigits: decimals ?? undefined }),
  }),
  ...Object.fromEntries(Object.keys(TIMES).map((unit) => [unit, time(unit)])),
  dtdhms: (value) => ({
    text: (value >= DAY ? `${Math.floor(value / DAY)} d ` : "") + clock(value % DAY).text,
  }),
  dthms: clock,
  bytes: binary("B"),
  kbytes: binary("B", 1),
  mbytes: binary("B", 2),
  gbytes: binary("B", 3),
  bits: binary("b"),
  decbytes: metric("B"),
  deckbytes: metric("B", 1),
  decmbytes: metric("B", 2),
  decgbytes: metric("B", 3),
  decbits: metric("b"),
  Bps: metric("B/s"),
  bps: metric("b/s"),
  binBps: binary("B/s"),
  binbps: binary("b/s"),
  KBs: metric("B/s", 1),
  MBs: metric("B/s", 2),
  pps: metric("p/s"),
  hertz: metric("Hz"),
  watt: metric("W"),
  joule: metric("J"),
  volt: metric("V"),
  amp: metric("A"),
  celsius: plain(" °C"),
  fahrenheit: plain(" °F"),
  humidity: plain(" %H"),
  rotrpm: plain(" rpm"),
  cps: counted("c/s"),
  ops: counted("ops/s"),
  reqps: counted("req/s"),
  rps: counted("rd/s"),
  wps: counted("wr/s"),
  iops: counted("io/s"),
  eps: counted("evt/s"),
  mps: counted("msg/s"),
  recps: counted("rec/s"),
  rowsps: counted("rows/s"),
  cpm: counted("c/m"),
  opm: counted("ops/m"),
  rpm: counted("rd/m"),
  wpm: counted("wr/m"),
  reqpm: counted("req/m"),
  epm: counted("evts/m"),
  currencyUSD: currency("$"),
  currencyGBP: currency("£"),
  currencyEUR: currency("€"),
  currencyJPY: currency("¥"),
  currencyKRW: currency("₩"),
  bool: either("True", "False"),
  bool_on_off: either("On", "Off"),
  bool_yes_no: either("Yes", "No"),
  dateTimeAsIso: (value) => ({ text: dateText(value) }),
  dateTimeAsSystem: (value) => ({ text: dateText(value) }),
  dateTimeAsLocal: (value) => ({ text: dateText(value) }),
};

/**
 * Units that a board writes out: `suffix:조각`, `prefix:~`, `si:mV`, `count:tokens`, `currency:KRW`,
 * `bool:yes/no`.
 * @type {Record<string, (rest: string) => Format>}
 */
const WRITTEN = {
  suffix: (rest) => plain(` ${rest}`),
  prefix: (rest) => (value, decimals) => ({ text: fixed(value, decimals), prefix: rest }),
  count: counted,
  currency: (rest) => currency(rest),
  time: () => FORMATS.dateTimeAsIso,
  bool: (rest) => either(rest.split("/")[0], rest.includes("/") ? rest.slice(rest.indexOf("/") + 1) : "-"),
  si: (rest) => {
    const power = DECIMAL.indexOf(rest.charAt(0).normalize("NFKC"));
    return power < 0 || power === 5 || !rest ? metric(rest) : metric(rest.slice(1), power - 5);
  },
};

/**
 * The format of a unit. A name that is not known stands behind the number.
 * @param {string | undefined} unit
 * @returns {Format}
 */
export function formatOf(unit) {
  if (!unit) return plain();
  if (Object.hasOwn(FORMATS, unit)) return FORMATS[unit];
  const [kind, rest] = [unit.slice(0, unit.indexOf(":")), unit.slice(unit.indexOf(":") + 1)];
  return Object.hasOwn(WRITTEN, kind) ? WRITTEN[kind](rest) : plain(` ${unit}`);
}

/** @param {Shown} shown */
export const joined = ({ prefix = "", text, suffix = "" }) => `${prefix}${text}${suffix}`;

/**
 * A base that steps on an axis are multiples of: 1024 for bytes, 60 for times.
 * @param {string | undefined} unit
 */
export const axisBase = (unit) =>
  /^(k|m|g)?bytes$|^bin|^bits$/.test(unit ?? "") ? 1024 : unit === "s" || unit === "ms" ? 60 : 10;
