/** A plot over time: axes, cross-hair, zoom, tooltip and keyboard, shared by every graph. */

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { h, fill } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./time.js").Range} Range */
/**
 * @typedef {{range: Range, utc: boolean, theme: import("./colors.js").Theme, zoom: (range: Range) => void}}
 * Around
 */
/**
 * @typedef {{title: string, rows: {color: string | null, name: string, value: string, strong?: boolean}[]}}
 * Tip
 */
/**
 * @typedef {{around: Around, data: any[], series: any[], scales: Record<string, any>, axes: any[], bands?:
 * any[], draw?: (plot: any) => void, label: string,   under?: (plot: any) => void, tip: (plot: any, at:
 * number) => Tip | null, click?: (plot: any, x: number, y: number) => void}} Drawing
 */

const DAY = 86400000;
const STEPS = [1, 2, 5];
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const INK = { light: { text: "#4a5361", line: "#e4e8ed" }, dark: { text: "#a7b0bd", line: "#2c323a" } };
const FONT = '11px system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif';

/**
 * Powers of ten times 1, 2 and 5; of two for bytes; clock steps above a second for times.
 * @param {10 | 60 | 1024} base
 * @param {number} [one] seconds in the unit's second
 */
export function increments(base, one = 1) {
  const small = [];
  for (let power = -10; power <= 18; power++) for (const step of STEPS) small.push(step * 10 ** power);
  if (base === 1024) return [...Array(60).keys()].map((power) => 2 ** power);
  if (base === 60)
    return [
      ...small.filter((step) => step < one),
      ...TIMES.map((step) => step * one),
      ...small.filter((step) => step > 86400 * one),
    ];
  return small;
}

/**
 * Moments on the axis: the time of day, and the day where one begins.
 * @param {boolean} utc
 * @returns {(plot: any, splits: number[], axis: number, space: number, step: number) => string[]}
 */
const clock = (utc) => (_, splits, __, ___, step) => splits.map((time) => timeText(time, utc, step));

/** @param {number} time @param {boolean} utc @param {number} [step] */
export function timeText(time, utc, step = 1000) {
  const date = new Date(utc ? time : time - new Date(time).getTimezoneOffset() * 60000);
  const iso = date.toISOString();
  if (step >= DAY || iso.endsWith("T00:00:00.000Z")) return iso.slice(5, 10).replace("-", "/");
  return iso.slice(11, step < 60000 ? 19 : 16);
}

/** @param {number} time @param {boolean} utc */
export const momentText = (time, utc) =>
  `${new Date(utc ? time : time - new Date(time).getTimezoneOffset() * 60000).toISOString().slice(0, 19).replace("T", " ")}${utc ? " UTC" : ""}`;

/** @param {import("./colors.js").Theme} theme @param {Record<string, any>} more */
export const axis = (theme, more) => ({
  stroke: INK[theme].text,
  font: FONT,
  gap: 4,
  grid: { stroke: INK[theme].line, width: 1 },
  ticks: { show: false },
  border: { show: false },
  ...more,
});

/** @param {Around} around */
export const timeAxis = ({ theme, utc }) =>
  axis(theme, { values: clock(utc), space: 70, size: 24, grid: { show: false } });

/** Wide enough for its longest value. @param {any} plot @param {string[] | null} values */
export function widthOf(plot, values) {
  if (!values) return 30;
  plot.ctx.save();
  plot.ctx.font = FONT.replace("11px", `${11 * devicePixelRatio}px`);
  const widest = Math.max(
    ...values.map((value) => plot.ctx.measureText(value ?? "").width / devicePixelRatio),
  );
  plot.ctx.restore();
  return Math.ceil(widest) + 10;
}

/** A plot in the element, which it fills. @param {HTMLElement} element @param {Drawing} drawing */
export function plotted(element, drawing) {
  const { around, data, series, scales, axes, bands = [], label } = drawing;
  const tip = h("div", { class: "tip", hidden: true });
  const spoken = h("div", { class: "unseen", "aria-live": "polite" });
  const holder = h("div", {
    class: "plot",
    role: "application",
    tabindex: 0,
    "aria-roledescription": say("graph"),
    "aria-label": `${label} ${say("keys")}`,
  });
  fill(element, holder, tip, spoken);
  const plot = new uPlot(
    {
      ...sizeOf(element),
      ms: 1,
      padding: [8, 18, 0, 0],
      series: [{}, ...series],
      axes: [timeAxis(around), ...axes],
      bands,
      scales: { x: { time: true, range: () => [around.range.from, around.range.to] }, ...scales },
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: 5 },
        points: { size: 7 },
        focus: { prox: 24 },
        sync: {
          key: "board",
          setSeries: false,
          scales: ["x", null],
          filters: {
            pub: (/** @type {string} */ kind) => kind === "mousemove" || kind === "mouseleave",
            sub: () => true,
          },
        },
      },
      focus: { alpha: 1 },
      ...(around.utc && { tzDate: (/** @type {number} */ time) => uPlot.tzDate(new Date(time), "Etc/UTC") }),
      hooks: {
        drawClear: drawing.under ? [drawing.under] : [],
        draw: drawing.draw ? [drawing.draw] : [],
        setSelect: [(/** @type {any} */ own) => zoomed(own, around)],
        setCursor: [(/** @type {any} */ own) => tipped(own, tip, drawing)],
      },
    },
    data,
    holder,
  );
  holder.addEventListener("keydown", (event) => stepped(plot, event, drawing, spoken));
  holder.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
  const { click } = drawing;
  if (click)
    plot.over.addEventListener("click", () => click(plot, plot.cursor.left ?? -1, plot.cursor.top ?? -1));
  return plot;
}

/**
 * What a panel does with its plot.
 * @param {() => any} plot
 * @param {HTMLElement} area
 */
export const handles = (plot, area) => ({
  resize: () => plot().setSize(sizeOf(area)),
  remove: () => plot().destroy(),
  pointer: () =>
    plot().over.matches(":hover") ? { left: plot().cursor.left, top: plot().cursor.top } : null,
  point: (/** @type {{left: number, top: number}} */ to) => plot().setCursor(to),
});

/** @param {HTMLElement} element */
export const sizeOf = (element) => ({
  width: Math.max(80, element.clientWidth),
  height: Math.max(60, element.clientHeight),
});

/** @param {any} plot @param {Around} around */
function zoomed(plot, around) {
  const { left, width } = plot.select;
  if (width < 5) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")].map(Math.round);
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (to - from >= 1000) around.zoom({ from, to });
}

/** @param {any} plot @param {HTMLElement} tip @param {Drawing} drawing */
function tipped(plot, tip, drawing) {
  const { left, top, idx } = plot.cursor;
  const told = idx != null && left >= 0 && plot.over.matches(":hover") ? drawing.tip(plot, idx) : null;
  tip.hidden = !told;
  if (!told) return;
  fill(tip, h("div", { class: "tip-title" }, told.title), h("table", {}, told.rows.map(tipRow)));
  const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (tip.parentElement);
  const x = left + plot.bbox.left / devicePixelRatio,
    y = top + plot.bbox.top / devicePixelRatio;
  tip.style.left = `${x + 14 + tip.offsetWidth > clientWidth ? Math.max(0, x - tip.offsetWidth - 10) : x + 14}px`;
  tip.style.top = `${Math.max(0, Math.min(y + 10, clientHeight - tip.offsetHeight))}px`;
}

/** @param {Tip["rows"][number]} row */
const tipRow = ({ color, name, value, strong }) =>
  h(
    "tr",
    { class: strong ? "strong" : null },
    h("td", {}, color ? swatch(color) : null, name),
    h("td", { class: "number" }, value),
  );

/** @param {string} color */
export const swatch = (color) => h("i", { class: "swatch", style: { "background-color": color } });

/**
 * Left and right read the values one moment after another.
 * @param {any} plot
 * @param {KeyboardEvent} event
 * @param {Drawing} drawing
 * @param {HTMLElement} spoken
 */
function stepped(plot, event, drawing, spoken) {
  const times = plot.data[0];
  const now = plot.cursor.idx ?? times.length;
  const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: times.length - 1 }[event.key];
  if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
  if (to === undefined || !times.length) return;
  event.preventDefault();
  const at = Math.min(times.length - 1, Math.max(0, to));
  plot.setCursor({ left: plot.valToPos(times[at], "x"), top: 10 });
  const told = drawing.tip(plot, at);
  if (told)
    fill(spoken, `${told.title}: ${told.rows.map(({ name, value }) => `${name} ${value}`).join(", ")}`);
}
