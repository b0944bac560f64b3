/** Panels and rows that a board repeats for each value of a variable. */

/** @typedef {import("./interpolate.js").Variables} Variables */
/** @typedef {{row: any | null, panels: any[]}} Row */

const COLUMNS = 24;

/**
 * A variable with one of its values, for each of them.
 * @param {string} name
 * @param {Variables} variables
 * @returns {Variables[]}
 */
function each(name, variables) {
  const { value, all } = variables[name];
  return (all ?? [value].flat()).map((one) => ({ [name]: { value: one, text: one, list: true } }));
}

/** @param {any} one a panel or row @param {Variables} variables */
const repeats = ({ repeat }, variables) => Boolean(repeat && Object.hasOwn(variables, repeat));

/**
 * Rows with what they repeat; each copy has its own value in `scoped`.
 * @param {Row[]} rows
 * @param {Variables} variables
 * @returns {Row[]}
 */
export function repeated(rows, variables) {
  return rows
    .flatMap(({ row, panels }) =>
      row && repeats(row, variables)
        ? each(row.repeat, variables).map((scoped) => ({
            row: { ...row, scoped },
            panels: panels.map((panel) => ({ ...panel, scoped })),
          }))
        : [{ row, panels }],
    )
    .map(({ row, panels }) => ({ row, panels: beside(panels, variables) }));
}

/**
 * Copies stand beside or below each other, and move what is below them down.
 * @param {any[]} panels from the top to the bottom
 * @param {Variables} variables
 */
function beside(panels, variables) {
  /** @type {{below: number, rows: number}[]} */
  const pushed = [];
  return panels.flatMap((panel) => {
    const { y, h, w, x } = { x: 0, y: 0, w: COLUMNS, h: 8, ...panel.gridPos };
    const down = pushed.filter(({ below }) => y > below).reduce((sum, { rows }) => sum + rows, 0);
    if (!repeats(panel, variables)) return [{ ...panel, gridPos: { x, y: y + down, w, h } }];
    const copies = each(panel.repeat, { ...variables, ...panel.scoped });
    const across =
      panel.repeatDirection === "v" ? 1 : Math.max(1, Math.min(copies.length, panel.maxPerRow ?? 4));
    const width = across === 1 ? w : Math.floor(COLUMNS / across);
    pushed.push({ below: y, rows: (Math.ceil(copies.length / across) - 1) * h });
    return copies.map((scoped, at) => ({
      ...panel,
      scoped: { ...panel.scoped, ...scoped },
      gridPos: {
        x: across === 1 ? x : (at % across) * width,
        y: y + down + Math.floor(at / across) * h,
        w: width,
        h,
      },
    }));
  });
}
