/** Tables: answers row by row, sorted by a press on a column's name. */

import { named } from "../colors.js";
import { fill, h } from "../dom.js";
import { configOf, display } from "../fields.js";
import { tableOf, wide } from "../frames.js";
import { momentText } from "../plot.js";
import { anchor } from "../prose.js";
import { inOrder, rising, transformed } from "../transform.js";
import { say } from "../words.js";

/** @typedef {import("./shown.js").Scene} Scene */
/** @typedef {import("../fields.js").Field} Field */

/** @type {import("./shown.js").Draw} */
export function table(body, scene) {
  const { panel, answers } = scene;
  const tabular =
    answers.some(({ target }) => target.format === "table") ||
    answers.every(({ data }) => data.resultType === "vector");
  const { table: made, unknown } = transformed(
    tabular ? tableOf(answers) : wide(scene.series),
    panel.transformations,
  );
  const fields = made.fields.filter((field) => !configOf(panel.fieldConfig, field).custom?.hidden);
  const own = panel.options?.sortBy?.[0];
  fill(
    body,
    unknown.length ? h("p", { class: "note" }, `${say("notTransformed")}: ${unknown.join(", ")}`) : null,
    sortable(
      fields,
      (field, value, row, sorted) => cell(field, value, row, scene, sorted),
      scene.chosen.order ?? (own ? { name: own.displayName, falling: own.desc } : null),
      (order) => (scene.chosen.order = order),
    ),
  );
  const rows = fields[0]?.values.length ?? 0;
  return {
    numbers: { fields: fields.map(({ name, values }) => ({ name, values })) },
    summary: `${rows} ${say("rows")}: ${fields.map(({ name }) => name).join(", ")}`,
  };
}

/**
 * A table whose columns' names sort it.
 * @param {Field[]} fields
 * @param {(field: Field, value: any, row: number, sorted: Field[]) => Node} cellOf
 * @param {import("./shown.js").Chosen["order"]} [order]
 * @param {(order: import("./shown.js").Chosen["order"]) => void} [chose]
 */
export function sortable(fields, cellOf, order = null, chose = () => undefined) {
  const rows = h("tbody");
  const names = fields.map((field) =>
    h(
      "button",
      { type: "button", onclick: () => sort(field.name, order?.name === field.name && !order.falling) },
      field.name,
    ),
  );
  const heads = fields.map((field, at) =>
    h("th", { scope: "col", class: field.type === "number" ? "number" : null }, names[at]),
  );
  const show = () => {
    const by = fields.find(({ name }) => name === order?.name);
    const sorted = by ? inOrder(fields, rising(by.values, order?.falling)) : fields;
    heads.forEach((head, at) =>
      head.setAttribute(
        "aria-sort",
        fields[at] === by ? (order?.falling ? "descending" : "ascending") : "none",
      ),
    );
    fill(
      rows,
      (sorted[0]?.values ?? []).map((_, row) =>
        h(
          "tr",
          {},
          sorted.map((field) => cellOf(field, field.values[row], row, sorted)),
        ),
      ),
    );
  };
  const sort = (/** @type {string} */ name, /** @type {boolean} */ falling) => {
    order = { name, falling };
    chose(order);
    show();
  };
  show();
  return h(
    "div",
    {
      class: "rows-of",
      tabindex: 0,
      role: "region",
      "aria-label": fields.map(({ name }) => name).join(", "),
    },
    h("table", {}, h("thead", {}, h("tr", {}, heads)), rows),
  );
}

/**
 * @param {Field} field
 * @param {any} value
 * @param {number} row
 * @param {Scene} scene
 * @param {Field[]} fields
 */
function cell(field, value, row, scene, fields) {
  const config = configOf(scene.panel.fieldConfig, field);
  const { text, color, mapped } =
    field.type === "time"
      ? { text: momentText(value, scene.around.utc), color: null, mapped: false }
      : display(config, value);
  const colored =
    color && (mapped || config.custom?.cellOptions?.type?.startsWith("color"))
      ? named(color, scene.around.theme)
      : null;
  const link = config.links?.[0];
  const inside = link
    ? anchor(scene.follow(link.url, ofRow(fields, row, value)), [text], { title: link.title })
    : text;
  return h(
    "td",
    {
      class: field.type === "number" ? "number" : null,
      "data-value": field.type === "number" ? String(value) : null,
      style: colored ? { color: colored } : {},
    },
    inside,
  );
}

/**
 * `${__data.fields.NAME}` and `${__value.raw}` in a link.
 * @param {Field[]} fields
 * @param {number} row
 * @param {any} value
 */
function ofRow(fields, row, value) {
  return Object.fromEntries([
    ...fields.map(({ name, values }) => [`__data.fields.${name}`, { value: String(values[row]) }]),
    ["__value.raw", { value: String(value) }],
    ["__value.text", { value: String(value) }],
  ]);
}
