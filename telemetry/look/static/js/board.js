/** A board on the page: its variables, its rows, its panels, and what they have in common. */

import { ask, askPrometheus, snapshot } from "./api.js";
import { fill, h } from "./dom.js";
import { inText } from "./interpolate.js";
import { Panel } from "./panel.js";
import { repeated } from "./repeat.js";
import { turn } from "./turns.js";
import {
  chosen,
  filledIn,
  optionsOf,
  ordered,
  question,
  queryOf,
  valuesOf,
  writtenOptions,
} from "./variables.js";
import { intervalVariables, windowOf } from "./interval.js";

/** @typedef {import("./variables.js").Definition} Definition */
/** @typedef {import("./variables.js").Option} Option */
/** @typedef {{definition: Definition, options: Option[], values: string[]}} Choice */

/**
 * Rows with their panels; panels before the first row have none.
 * @param {any[]} panels
 * @returns {{row: any | null, panels: any[]}[]}
 */
export function rowsOf(panels) {
  const sorted = [...panels].sort(
    (a, b) => (a.gridPos?.y ?? 0) - (b.gridPos?.y ?? 0) || (a.gridPos?.x ?? 0) - (b.gridPos?.x ?? 0),
  );
  /** @type {{row: any | null, panels: any[]}[]} */
  const rows = [];
  for (const panel of sorted) {
    if (panel.type === "row") rows.push({ row: panel, panels: [...(panel.panels ?? [])] });
    else if (rows.length) rows[rows.length - 1].panels.push(panel);
    else rows.push({ row: null, panels: [panel] });
  }
  return rows.map(({ row, panels: own }) => {
    const top = Math.min(...own.map(({ gridPos }) => gridPos?.y ?? 0));
    return {
      row,
      panels: own.map((panel) => ({
        ...panel,
        gridPos: { ...panel.gridPos, y: (panel.gridPos?.y ?? 0) - top },
      })),
    };
  });
}

/**
 * The variables' options and chosen values, each asked behind those that it names. A question that fails
 * leaves its variable with what is written.
 * @param {string} uid
 * @param {Definition[]} definitions
 * @param {Record<string, string[]>} wished
 * @param {import("./time.js").Range} range
 * @param {number} scrape
 */
export async function choices(uid, definitions, wished, range, scrape) {
  const window = windowOf(range, { points: 1000, scrape });
  /** @type {import("./interpolate.js").Variables} */
  const variables = Object.fromEntries(
    Object.entries(intervalVariables(window)).map(([name, value]) => [name, { value }]),
  );
  /** @type {Choice[]} */
  const made = [];
  for (const definition of ordered(definitions)) {
    const options =
      definition.type === "query"
        ? await asked(uid, definition, variables, range)
        : writtenOptions(definition);
    const values = chosen(
      definition,
      options,
      wished[definition.name] ?? snapshot?.variables?.[uid]?.[definition.name] ?? null,
    );
    variables[definition.name] = filledIn(definition, options, values);
    made.push({ definition, options, values });
  }
  return {
    choices: definitions.map(
      (definition) => /** @type {Choice} */ (made.find((one) => one.definition === definition)),
    ),
    variables,
  };
}

/**
 * @param {string} uid
 * @param {Definition} definition
 * @param {import("./interpolate.js").Variables} variables
 * @param {import("./time.js").Range} range
 */
async function asked(uid, definition, variables, range) {
  const put = question(queryOf(definition), variables, { start: range.from, end: range.to });
  if (!put) return writtenOptions(definition);
  try {
    const { data } = await askPrometheus(put.path, put.parameters, {
      place: `${uid}/variables/${definition.name}`,
    });
    return optionsOf(valuesOf(data), definition, variables);
  } catch {
    return [];
  }
}

/**
 * @param {string} uid
 * @returns {Promise<any>} the board's JSON, and of the form that has it in `dashboard`
 */
export async function boardOf(uid) {
  const board = await ask(`api/boards/${encodeURIComponent(uid)}`);
  return board.dashboard ?? board;
}

/** The panels of a board, drawn as they come into view. */
export class Board {
  /** @type {Panel[]} */ #panels = [];
  /** @type {Set<Panel>} */ #seen = new Set();
  #round = 0;

  /**
   * @param {any} board
   * @param {HTMLElement} holder
   * @param {() => import("./panel.js").Setting} setting
   * @param {{all: boolean, settled: (panels: Panel[]) => void, busy: () => void}} how
   */
  constructor(board, holder, setting, how) {
    this.how = how;
    const { variables } = setting();
    // In a snapshot the answers of a panel are for all values at once.
    const rows = snapshot ? rowsOf(board.panels ?? []) : repeated(rowsOf(board.panels ?? []), variables);
    this.watch = new IntersectionObserver((entries) => this.#came(entries), { rootMargin: "200px" });
    this.sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => this.#of(target)?.resize()));
    fill(
      holder,
      rows.map((row, at) => this.#section(row, at, setting)),
    );
    for (const panel of this.#panels) {
      this.watch.observe(panel.element);
      this.sizes.observe(panel.body);
    }
  }

  /** Draws what is in view again; the rest when it comes into view. */
  async refresh() {
    this.#seen.clear();
    await this.#show(this.#panels.filter((panel) => this.how.all || inView(panel.element)));
  }

  remove() {
    this.watch.disconnect();
    this.sizes.disconnect();
    this.#panels.forEach((panel) => panel.remove());
  }

  /** @param {Panel[]} panels */
  async #show(panels) {
    const fresh = panels.filter((panel) => !this.#seen.has(panel));
    if (!fresh.length && this.#seen.size) return;
    fresh.forEach((panel) => this.#seen.add(panel));
    const round = ++this.#round;
    this.how.busy();
    const widths = fresh.map(({ body }) => body.clientWidth || 400);
    await Promise.all(fresh.map((panel, at) => turn().then(() => panel.show(widths[at]))));
    if (round === this.#round) this.how.settled([...this.#seen]);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #came(entries) {
    const come = entries
      .filter(({ isIntersecting }) => isIntersecting)
      .flatMap(({ target }) => this.#panels.filter(({ element }) => element === target));
    if (this.#seen.size) void this.#show(come);
  }

  /** @param {Element} body */
  #of(body) {
    return this.#panels.find((panel) => panel.body === body);
  }

  /**
   * @param {{row: any, panels: any[]}} row
   * @param {number} at
   * @param {() => import("./panel.js").Setting} setting
   */
  #section({ row, panels }, at, setting) {
    const made = panels.map((definition) => new Panel(definition, setting));
    this.#panels.push(...made);
    const open = this.how.all || !row?.collapsed;
    const grid = h(
      "div",
      { class: "grid", id: `row-${at}`, hidden: !open },
      made.map(({ element }) => element),
    );
    if (!row) return h("section", {}, grid);
    const title = inText(row.title ?? "", { ...setting().variables, ...row.scoped });
    const button = h(
      "button",
      {
        type: "button",
        "aria-expanded": String(open),
        "aria-controls": grid.id,
        onclick: () => {
          grid.hidden = !grid.hidden;
          button.setAttribute("aria-expanded", String(!grid.hidden));
        },
      },
      title,
    );
    return h("section", { "aria-label": title }, h("h2", {}, button), grid);
  }
}

/** @param {HTMLElement} element */
function inView(element) {
  const { top, bottom, width } = element.getBoundingClientRect();
  return width > 0 && bottom > -200 && top < document.documentElement.clientHeight + 200;
}
