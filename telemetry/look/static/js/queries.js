/** What a panel asks of Prometheus, and what becomes of the answers. */

import { AskError, askPrometheus } from "./api.js";
import { inQuery } from "./interpolate.js";
import { intervalVariables, minimumStep, windowOf } from "./interval.js";
import { exemplarsOf } from "./panels/exemplars.js";
import { duration } from "./time.js";

/** @typedef {import("./interpolate.js").Variables} Variables */
/**
 * @typedef {{uid: string, range: import("./time.js").Range, utc: boolean, variables: Variables, scrape:
 * number}} Asking
 */
/**
 * @typedef {{target: any, query: string, error: AskError | null, warnings: string[], data: any, exemplars:
 * import("./panels/shown.js").Exemplar[]}} Told
 */

/** @param {any} target */
export const isInstant = (target) => Boolean(target.instant && !target.range);
/** What keeps the data of a panel or target. @param {any} of @returns {string} */
const sourceOf = ({ datasource }) => (typeof datasource === "object" && datasource?.type) || "prometheus";
const OURS = new Set(["prometheus", "mixed", "datasource", "grafana"]);
/** Targets that ask Prometheus something. @param {any} panel @returns {any[]} */
export const targetsOf = (panel) =>
  (panel.targets ?? []).filter((/** @type {any} */ one) => !one.hide && one.expr && OURS.has(sourceOf(one)));
/** The kind of another source that a panel is drawn from alone. @param {any} panel @returns {string | undefined} */
export const foreign = (panel) =>
  targetsOf(panel).length
    ? undefined
    : [panel, ...(panel.targets ?? [])].map(sourceOf).find((kind) => !OURS.has(kind));

/**
 * A panel may look back further than its board, by `timeFrom`.
 * @param {any} panel
 * @param {import("./time.js").Range} range
 */
export function panelRange({ timeFrom }, range) {
  const length = duration(String(timeFrom ?? "").replace(/^now-/, ""));
  return length > 0 ? { from: range.to - length, to: range.to } : range;
}

/**
 * The window that a target of a panel this wide asks for.
 * @param {any} panel
 * @param {any} target
 * @param {Asking} asking
 * @param {number} width in pixels
 */
export function targetWindow(panel, target, { range, utc, variables, scrape }, width) {
  const least = minimumStep(
    inQuery(target.interval ?? "", variables),
    minimumStep(inQuery(panel.interval ?? "", variables), scrape),
  );
  const offset = utc ? 0 : -new Date(range.to).getTimezoneOffset() * 60000;
  return windowOf(range, {
    points: panel.maxDataPoints ?? width,
    scrape,
    minimum: least,
    factor: target.intervalFactor ?? 1,
    offset,
  });
}

/** @param {Record<string, string>} texts @returns {Variables} */
const asVariables = (texts) =>
  Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, { value }]));

/**
 * Every target's answer or error, and the step that they have in common.
 * @param {any} panel
 * @param {Asking} asking
 * @param {number} width
 * @param {AbortSignal} signal
 */
export async function askAll(panel, asking, width, signal) {
  const targets = targetsOf(panel);
  const windows = targets.map((target) => targetWindow(panel, target, asking, width));
  const told = await Promise.all(
    targets.map((target, at) => askOne(panel, target, windows[at], asking, signal)),
  );
  const steps = windows.filter((_, at) => !isInstant(targets[at])).map(({ step }) => step);
  return { told, step: steps.length ? Math.min(...steps) : undefined };
}

/**
 * @param {any} panel
 * @param {any} target
 * @param {import("./interval.js").Window} window
 * @param {Asking} asking
 * @param {AbortSignal} signal
 * @returns {Promise<Told>}
 */
async function askOne(panel, target, window, asking, signal) {
  const query = inQuery(target.expr, {
    ...asking.variables,
    ...asVariables(intervalVariables(window)),
    ...rangeEnds(asking.range),
  });
  const place = `${asking.uid}/${panel.id}/${target.refId}`;
  const during = /** @type {[string, string][]} */ ([
    ["start", String(window.start / 1000)],
    ["end", String(window.end / 1000)],
  ]);
  try {
    const exemplars = target.exemplar
      ? askPrometheus("query_exemplars", [["query", query], ...during], {
          place: `${place}/exemplars`,
          signal,
        }).catch(() => ({ data: [] }))
      : { data: [] };
    const { data, warnings } = isInstant(target)
      ? await askPrometheus(
          "query",
          [
            ["query", query],
            ["time", String(asking.range.to / 1000)],
          ],
          { place, signal },
        )
      : await askPrometheus(
          "query_range",
          [["query", query], ...during, ["step", String(window.step / 1000)]],
          { place, signal },
        );
    return { target, query, error: null, warnings, data, exemplars: exemplarsOf((await exemplars).data) };
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    return { target, query, error, warnings: [], data: null, exemplars: [] };
  }
}

/** @param {import("./time.js").Range} range @returns {Variables} */
export const rangeEnds = ({ from, to }) => ({ __from: { value: String(from) }, __to: { value: String(to) } });
