/** Prometheus's answers as series and tables, named as Grafana names them. */

/** @typedef {import("./fields.js").Field} Field */
/**
 * @typedef {{name: string, refId: string, labels: Record<string, string>, times: number[], values: number[]}}
 * Series Times in milliseconds.
 */
/** @typedef {{refId: string, legendFormat?: string, format?: string, expr?: string}} Target */
/** @typedef {{fields: Field[]}} Table */

/** A number as Prometheus writes it. @param {string} text */
export function numberOf(text) {
  return { "+Inf": Infinity, Inf: Infinity, "-Inf": -Infinity }[text] ?? Number(text);
}

/** `name{a="b"}` @param {Record<string, string>} labels */
export function written({ __name__ = "", ...labels }) {
  const inside = Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");
  return inside || !__name__ ? `${__name__}{${inside}}` : __name__;
}

/**
 * A series' name: by the target's format, else its labels. A query without labels is called by its text.
 * @param {Record<string, string>} labels
 * @param {Target} target
 */
export function nameOf(labels, { legendFormat, expr = "" }) {
  if (legendFormat && legendFormat !== "__auto")
    return legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? "");
  return Object.keys(labels).length ? written(labels) : expr;
}

/** @param {any} data The `data` of an answer. @param {Target} target @returns {Series[]} */
export function seriesOf(data, target) {
  if (data.resultType === "scalar") return [series({}, [data.result], target)];
  return data.result.map((/** @type {any} */ { metric, values, value }) =>
    series(metric, values ?? (value ? [value] : []), target),
  );
}

/**
 * @param {Record<string, string>} labels
 * @param {[number, string][]} samples
 * @param {Target} target
 * @returns {Series}
 */
function series(labels, samples, target) {
  return {
    name: nameOf(labels, target),
    refId: target.refId,
    labels,
    times: samples.map(([time]) => Math.round(time * 1000)),
    values: samples.map(([, value]) => numberOf(value)),
  };
}

/**
 * The same names twice get their number, as a reader could not tell them apart.
 * @param {Series[]} all
 * @returns {Series[]}
 */
export function distinct(all) {
  const times = new Map();
  return all.map((one) => {
    const before = times.get(one.name) ?? 0;
    times.set(one.name, before + 1);
    return before ? { ...one, name: `${one.name} ${before}` } : one;
  });
}

/**
 * All series over one list of moments: the moments, then a list of values for each, null where a series has
 * none. A moment is put into each gap longer than a step, so that no line leads over it.
 * @param {Series[]} all
 * @param {number} [step] in milliseconds
 * @returns {{times: number[], values: (number | null)[][]}}
 */
export function aligned(all, step) {
  const moments = [...new Set(all.flatMap((one) => one.times))].sort((a, b) => a - b);
  const width = step ?? Math.min(Infinity, ...moments.slice(1).map((time, at) => time - moments[at]));
  const times = moments.flatMap((time, at) =>
    at && time - moments[at - 1] > 1.5 * width ? [moments[at - 1] + width, time] : [time],
  );
  const place = new Map(times.map((time, at) => [time, at]));
  const values = all.map((one) => {
    /** @type {(number | null)[]} */
    const row = new Array(times.length).fill(null);
    one.times.forEach(
      (time, at) =>
        (row[/** @type {number} */ (place.get(time))] = Number.isNaN(one.values[at]) ? null : one.values[at]),
    );
    return row;
  });
  return { times, values };
}

/**
 * Answers in format "table" as one table: time, the labels in their order, and a column of values for each
 * target.
 * @param {{data: any, target: Target}[]} answers
 * @returns {Table}
 */
export function tableOf(answers) {
  const rows = answers.flatMap(({ data, target }) => rowsOf(data, target));
  const labels = [...new Set(rows.flatMap(({ labels: own }) => Object.keys(own)))].sort();
  const several = answers.length > 1;
  /** @type {Field[]} */
  const fields = [
    { name: "Time", type: "time", values: rows.map(({ time }) => time) },
    ...labels.map(
      (name) =>
        /** @type {Field} */ ({
          name,
          type: "string",
          values: rows.map(({ labels: own }) => own[name] ?? ""),
        }),
    ),
    ...answers.map(
      ({ target }) =>
        /** @type {Field} */ ({
          name: several ? `Value #${target.refId}` : "Value",
          refId: target.refId,
          type: "number",
          values: rows.map(({ refId, value }) => (refId === target.refId ? value : null)),
        }),
    ),
  ];
  return { fields };
}

/** @param {any} data @param {Target} target */
function rowsOf(data, target) {
  return seriesOf(data, target).flatMap(({ labels, times, values, refId }) =>
    times.map((time, at) => ({ labels, time, value: values[at], refId })),
  );
}

/** Series as a table of moments: what stands behind a graph. @param {Series[]} all @returns {Table} */
export function wide(all) {
  const { times, values } = aligned(all);
  return {
    fields: [
      { name: "Time", type: "time", values: times },
      ...all.map(
        (one, at) =>
          /** @type {Field} */ ({
            name: one.name,
            refId: one.refId,
            labels: one.labels,
            type: "number",
            values: values[at],
          }),
      ),
    ],
  };
}
