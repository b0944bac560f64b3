/**
 * Times and ranges as Grafana writes them: `now-6h`, `now/d`, milliseconds, ISO 8601. Times are in
 * milliseconds.
 */

/** @typedef {{from: string, to: string}} Written A range as it stands in a board or an address. */
/** @typedef {{from: number, to: number}} Range */

const SECOND = 1000;
/** @type {Record<string, number>} */
const MILLISECONDS = {
  ms: 1,
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: 86400 * SECOND,
  w: 604800 * SECOND,
  y: 31536000 * SECOND,
};
const DURATION = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)/y;
const RELATIVE = /([+-]\d*|\/)([yMwdhmsQ])/y;

/** The milliseconds of `1h30m`; NaN for a text that is no duration. @param {string} text */
export function duration(text) {
  const found = pieces(text, DURATION);
  return found?.length
    ? found.reduce((sum, [, count, unit]) => sum + Number(count) * MILLISECONDS[unit], 0)
    : NaN;
}

/** `90000` as `1m30s`, as a range in PromQL takes it. @param {number} milliseconds */
export function durationText(milliseconds) {
  let left = Math.round(milliseconds);
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const count = Math.floor(left / MILLISECONDS[unit]);
    left -= count * MILLISECONDS[unit];
    if (count) text += count + unit;
  }
  return text || "0s";
}

/**
 * The moment that a text names; NaN where it names none. `now/d` is the day's begin, or with `end` its last millisecond.
 * @param {string} text
 * @param {{now: number, end?: boolean, utc?: boolean}} options
 */
export function moment(text, { now, end = false, utc = false }) {
  const written = text.trim();
  if (/^-?\d+$/.test(written)) return Number(written);
  if (/^\d{4}-\d{2}-\d{2}/.test(written)) return Date.parse(written);
  if (!written.startsWith("now")) return NaN;
  const steps = pieces(written.slice(3).replaceAll(" ", ""), RELATIVE);
  if (!steps) return NaN;
  const date = new Date(now);
  for (const [, sign, unit] of steps) {
    if (sign === "/") toEdge(date, unit, end, utc);
    else add(date, unit, Number(/\d/.test(sign) ? sign : `${sign}1`), utc);
  }
  return date.getTime();
}

/** The range that a board or an address names; null where it cannot be read or ends before it begins.
 * @param {Written} written @param {number} now @param {boolean} [utc] @returns {Range | null} */
export function range(written, now, utc = false) {
  const from = moment(written.from, { now, utc });
  const to = moment(written.to, { now, utc, end: true });
  return from < to ? { from, to } : null;
}

/**
 * Twice as long about the same middle, never beyond now.
 * @param {Range} of
 * @param {number} now
 * @returns {Range}
 */
export function wider(of, now) {
  const half = (of.to - of.from) / 2;
  const to = Math.min(of.to + half, Math.max(now, of.to));
  return { from: to - 4 * half, to };
}

/** All matches of a sticky expression one after another, or null where something is left over.
 * @param {string} text @param {RegExp} expression */
function pieces(text, expression) {
  const found = [];
  expression.lastIndex = 0;
  for (let at = 0; at < text.length; at = expression.lastIndex) {
    const match = expression.exec(text);
    if (!match) return null;
    found.push(match);
  }
  return found;
}

/** @param {Date} date @param {string} unit @param {number} count @param {boolean} utc */
function add(date, unit, count, utc) {
  const months = { y: 12, Q: 3, M: 1 }[unit];
  if (months) addMonths(date, months * count, utc);
  else if (unit === "d" || unit === "w") addDays(date, unit === "w" ? 7 * count : count, utc);
  else date.setTime(date.getTime() + count * MILLISECONDS[unit]);
}

/**
 * Keeps to the month's last day: a month after 31 January is 28 February.
 * @param {Date} date
 * @param {number} count
 * @param {boolean} utc
 */
function addMonths(date, count, utc) {
  const day = utc ? date.getUTCDate() : date.getDate();
  if (utc) date.setUTCMonth(date.getUTCMonth() + count);
  else date.setMonth(date.getMonth() + count);
  if ((utc ? date.getUTCDate() : date.getDate()) === day) return;
  if (utc) date.setUTCDate(0);
  else date.setDate(0);
}

/** @param {Date} date @param {number} count @param {boolean} utc */
function addDays(date, count, utc) {
  if (utc) date.setUTCDate(date.getUTCDate() + count);
  else date.setDate(date.getDate() + count);
}

/** @param {Date} date @param {string} unit @param {boolean} end @param {boolean} utc */
function toEdge(date, unit, end, utc) {
  toStart(date, unit, utc);
  if (!end) return;
  add(date, unit, 1, utc);
  date.setTime(date.getTime() - 1);
}

/**
 * Weeks begin on Sunday, as in Grafana's default.
 * @param {Date} date
 * @param {string} unit
 * @param {boolean} utc
 */
function toStart(date, unit, utc) {
  if (unit === "s") return void date.setMilliseconds(0);
  if (unit === "m") return void date.setSeconds(0, 0);
  if (unit === "h") return void (utc ? date.setUTCMinutes(0, 0, 0) : date.setMinutes(0, 0, 0));
  if (utc) date.setUTCHours(0, 0, 0, 0);
  else date.setHours(0, 0, 0, 0);
  const [month, weekday] = utc ? [date.getUTCMonth(), date.getUTCDay()] : [date.getMonth(), date.getDay()];
  if (unit === "w") addDays(date, -weekday, utc);
  if (unit === "d" || unit === "w") return;
  const first = { y: 0, Q: month - (month % 3), M: month }[unit] ?? month;
  if (utc) date.setUTCMonth(first, 1);
  else date.setMonth(first, 1);
}
