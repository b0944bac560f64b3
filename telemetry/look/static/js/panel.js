/** A panel on the page: its frame, its states, and the drawing inside. */

import { h, fill } from "./dom.js";
import { display } from "./fields.js";
import { wide } from "./frames.js";
import { inLink, inText } from "./interpolate.js";
import { askAll, foreign, panelRange, rangeEnds, targetsOf } from "./queries.js";
import { heatmap, timeline } from "./panels/bands.js";
import { shownSeries } from "./panels/shown.js";
import { sortable, table } from "./panels/table.js";
import { timeseries } from "./panels/timeseries.js";
import { bargauge, piechart, stat } from "./panels/values.js";
import { momentText } from "./plot.js";
import { anchor, prose } from "./prose.js";
import { keepFocus, turn } from "./turns.js";
import { say } from "./words.js";

/** @typedef {import("./queries.js").Told} Told */
/**
 * @typedef {import("./queries.js").Asking & {theme: import("./colors.js").Theme, zoom: (range:
 * import("./time.js").Range) => void, follow: (address: string) => string,   trace: (id: string) => string |
 * null}} Setting
 */

/** @type {Record<string, import("./panels/shown.js").Draw>} */
const KINDS = {
  timeseries,
  stat,
  bargauge,
  table,
  piechart,
  heatmap,
  "state-timeline": timeline,
  gauge: bargauge,
  graph: timeseries,
};
const GRAPHS = new Set(["timeseries", "heatmap", "state-timeline", "graph"]);

let made = 0;

export class Panel {
  /** @type {AbortController | null} */ #running = null;
  /** @type {import("./panels/shown.js").Drawn | null} */ #drawn = null;
  /** @type {{scene: import("./panels/shown.js").Scene, told: Told[]} | null} */ #last = null;
  #tabular = false;
  /** What a reader chose in the drawing, kept over refreshes. @type {import("./panels/shown.js").Chosen} */
  #chosen = { hidden: new Set(), order: null };

  /** @param {any} definition @param {() => Setting} setting */
  constructor(definition, setting) {
    this.definition = definition;
    this.setting = setting;
    const { x = 0, y = 0, w = 24, h: height = 8 } = definition.gridPos ?? {};
    this.heading = h("h3", { id: `panel-${++made}` });
    this.state = h("span", { class: "state", role: "status" });
    this.menu = h("details", { class: "menu" });
    this.body = h("div", { class: "panel-body" });
    this.text = h("p", { class: "unseen" });
    this.element = h(
      "article",
      {
        class: `panel ${definition.type}`,
        "aria-labelledby": this.heading.id,
        dataset: { panel: definition.id, kind: definition.type, state: "waiting" },
        style: {
          "--x": String(x + 1),
          "--y": String(y + 1),
          "--w": String(w),
          "--h": String(height),
          "--m": String(w <= 4 ? 8 : w <= 12 ? 12 : 24),
        },
      },
      h("header", {}, this.heading, this.state, this.menu),
      this.text,
      this.body,
    );
  }

  /**
   * Asks and draws. Resolves when it is drawn; nothing is thrown.
   * @param {number} width of the body, read before anything is written
   */
  async show(width) {
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    const given = this.setting();
    const setting = {
      ...given,
      range: panelRange(this.definition, given.range),
      variables: { ...given.variables, ...this.definition.scoped },
    };
    this.heading.textContent = inText(this.definition.title ?? "", setting.variables);
    if (this.definition.type === "text") return this.#showText(setting);
    if (!Object.hasOwn(KINDS, this.definition.type))
      return this.#say("not-drawn", `${say("notDrawn")}: ${this.definition.type}`);
    const source = foreign(this.definition);
    if (source) return this.#say("not-drawn", `${say("notDrawn")}: ${source}`);
    this.element.classList.add("asking");
    try {
      const { told, step } = await askAll(
        this.definition,
        setting,
        Math.max(100, Math.round(width / 50) * 50),
        running.signal,
      );
      await turn();
      if (running.signal.aborted) return;
      keepFocus(this.element, () => this.#show(setting, told, step));
    } catch (error) {
      if (!running.signal.aborted) this.#say("failed", String(error));
    } finally {
      if (this.#running === running) this.element.classList.remove("asking");
    }
  }

  /** The kinds of errors of the last answers. */
  get errors() {
    return (this.#last?.told ?? []).flatMap(({ error }) => (error ? [error.kind] : []));
  }

  resize() {
    this.#drawn?.resize?.();
  }

  remove() {
    this.#running?.abort();
    this.#drawn?.remove?.();
    this.#drawn = null;
  }

  /** @param {Setting} setting @param {Told[]} told @param {number | undefined} step */
  #show(setting, told, step) {
    const answers = told.filter(({ data }) => data);
    const scene = {
      panel: this.definition,
      answers,
      series: shownSeries(this.definition, answers, setting.variables, setting.theme),
      exemplars: answers.flatMap(({ exemplars }) => exemplars),
      around: setting,
      variables: setting.variables,
      step,
      chosen: this.#chosen,
      title: this.heading.textContent ?? "",
      follow: (/** @type {string} */ address, /** @type {any} */ more = {}) =>
        setting.follow(inLink(address, { ...setting.variables, ...rangeEnds(setting.range), ...more })),
      trace: setting.trace,
    };
    this.#last = { scene, told };
    this.#fillMenu(scene, told);
    const failed = told.filter(({ error }) => error);
    const words = [
      ...failed.map(({ target, error }) => `${target.refId}: ${error?.message}`),
      ...told.flatMap(({ warnings }) => warnings),
    ];
    if (told.length && failed.length === told.length) return this.#say("failed", words[0], words.join("\n"));
    if (!scene.series.some(({ values }) => values.length))
      return this.#say("no-data", say("noData"), words.join("\n"));
    this.#draw(scene, words);
  }

  /** @param {import("./panels/shown.js").Scene} scene @param {string[]} [words] */
  #draw(scene, words = []) {
    const pointer = this.#drawn?.pointer?.();
    this.#drawn?.remove?.();
    this.body.className = "panel-body";
    this.#drawn = (this.#tabular ? asTable : KINDS[this.definition.type])(this.body, scene);
    if (pointer) this.#drawn.point?.(pointer);
    Object.assign(this.element, { drawn: this.#drawn.numbers });
    this.text.textContent = this.#drawn.summary;
    this.#mark(words.length ? "partial" : "drawn", words.length ? say("partial") : "", words.join("\n"));
  }

  /** @param {string} state @param {string} words @param {string} [more] */
  #say(state, words, more = "") {
    this.#drawn?.remove?.();
    this.#drawn = null;
    Object.assign(this.element, { drawn: null });
    this.text.textContent = "";
    fill(this.body, h("p", { class: "says" }, words));
    this.#mark(state, state === "failed" ? say("failed") : "", more);
  }

  /** @param {string} state @param {string} words @param {string} more */
  #mark(state, words, more) {
    this.element.dataset.state = state;
    this.state.textContent = words;
    this.state.title = more;
  }

  /** @param {Setting} setting */
  #showText(setting) {
    const { content = "", mode = "markdown" } = this.definition.options ?? {};
    const text = inText(content, setting.variables);
    fill(
      this.body,
      mode === "markdown"
        ? prose(text, setting.follow)
        : mode === "html"
          ? h("p", { class: "says" }, `${say("notDrawn")}: HTML`)
          : h("pre", { tabindex: 0 }, text),
    );
    this.#mark("drawn", "", "");
  }

  /** @param {import("./panels/shown.js").Scene} scene @param {Told[]} told */
  #fillMenu(scene, told) {
    const { description, links = [] } = this.definition;
    const open = this.menu.open;
    const traces = scene.exemplars.slice(0, 10);
    fill(
      this.menu,
      h("summary", { "aria-label": `${say("about")}: ${scene.title}`, title: say("about") }),
      h(
        "div",
        { class: "popover" },
        description ? h("p", {}, inText(description, scene.variables)) : null,
        links.length
          ? h(
              "ul",
              {},
              links.map((/** @type {any} */ link) =>
                h(
                  "li",
                  {},
                  anchor(scene.follow(link.url ?? ""), [inText(link.title || link.url, scene.variables)]),
                ),
              ),
            )
          : null,
        GRAPHS.has(this.definition.type) && targetsOf(this.definition).length ? this.#tableButton() : null,
        traces.length
          ? h(
              "div",
              {},
              h("h4", {}, say("exemplars")),
              h(
                "ul",
                { class: "traces" },
                traces.map((one) => traceLine(one, scene)),
              ),
            )
          : null,
        h("h4", {}, say("queries")),
        told.map(({ target, query, error }) =>
          h(
            "div",
            {},
            h("pre", { tabindex: 0 }, `${target.refId}  ${query}`),
            error ? h("p", { class: "error" }, `${error.kind}: ${error.message}`) : null,
          ),
        ),
      ),
    );
    this.menu.open = open;
  }

  #tableButton() {
    const button = h(
      "button",
      {
        type: "button",
        onclick: () => {
          this.#tabular = !this.#tabular;
          button.textContent = say(this.#tabular ? "asGraph" : "asTable");
          if (this.#last?.scene.series.length) this.#draw(this.#last.scene);
        },
      },
      say(this.#tabular ? "asGraph" : "asTable"),
    );
    return button;
  }
}

/** @param {import("./panels/shown.js").Exemplar} one @param {import("./panels/shown.js").Scene} scene */
function traceLine({ trace, time, value }, { around, trace: linkOf, series }) {
  const link = linkOf(trace);
  const words = `${momentText(time, around.utc)} · ${display(series[0]?.config ?? {}, value).text} · `;
  return h("li", {}, words, link ? anchor(link, [trace]) : h("code", {}, trace));
}

/** The numbers behind a graph. @type {import("./panels/shown.js").Draw} */
function asTable(body, { series, around }) {
  const { fields } = wide(series);
  const [time, ...rest] = fields;
  const named = [{ ...time, name: say("time") }, ...rest];
  const config = new Map(series.map((one) => [one.name, one.config]));
  fill(
    body,
    sortable(
      named,
      (field, value) =>
        h(
          "td",
          { class: "number" },
          field.type === "time"
            ? momentText(value, around.utc)
            : display(config.get(field.name) ?? {}, value).text,
        ),
      { name: say("time"), falling: true },
    ),
  );
  return { numbers: { fields: fields.map(({ name, values }) => ({ name, values })) }, summary: "" };
}
