// What is drawn is what Prometheus answers, reduced and written by Grafana's rules. @grafana/data is the oracle.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { opened, ourBoards, visit } from "../support/stack.js";
import { kindsBoard, NAMES } from "../support/kinds.js";

const grafana = createRequire(import.meta.url)("../grafana.cjs");
const THEME = grafana.createTheme();
const number = (text) => ({ "+Inf": Infinity, "-Inf": -Infinity })[text] ?? Number(text);

/** Goes there and keeps every question to Prometheus with its answer. */
async function recorded(page, url) {
  const kept = [];
  const pending = [];
  page.on("response", (response) => {
    const asked = new URL(response.url());
    const path = /api\/prometheus\/(query|query_range)$/.exec(asked.pathname)?.[1];
    if (!path) return;
    const given =
      response.request().method() === "POST"
        ? new URLSearchParams(response.request().postData())
        : asked.searchParams;
    pending.push(
      response.json().then(({ data }) => kept.push({ path, parameters: Object.fromEntries(given), data })),
    );
  });
  await visit(page, url);
  await Promise.all(pending);
  return kept;
}

/** Each panel as the page shows it: what was drawn, the texts, and the queries as the reader sees them. */
const shown = (page) =>
  page.$$eval("[data-panel]", (panels) =>
    panels.map((panel) => ({
      id: Number(panel.dataset.panel),
      kind: panel.dataset.kind,
      state: panel.dataset.state,
      title: panel.querySelector("h3").textContent,
      drawn: panel.drawn,
      width: panel.querySelector(".panel-body").clientWidth,
      queries: [...panel.querySelectorAll(".menu pre")].map((pre) => pre.textContent),
      values: [...panel.querySelectorAll("[data-value]")].map((cell) => [
        cell.dataset.value,
        cell.textContent,
      ]),
      legend: [...panel.querySelectorAll(".legend tbody tr")].map((row) =>
        [...row.querySelectorAll("[data-rule]")].map((cell) => [cell.dataset.rule, cell.textContent]),
      ),
    })),
  );

const samples = (one) => one.values ?? (one.value ? [one.value] : []);
const field = (values, config) => ({ name: "v", type: "number", values, config });
const reduced = (values, rule) =>
  grafana.reduceField({ field: field(values, {}), reducers: [rule] })[rule] ?? null;
const textOf = (value, config, rule = "") => {
  const counted = /count$/i.test(rule);
  const display = grafana.getDisplayProcessor({ field: field([], counted ? {} : config), theme: THEME })(
    value,
  );
  return grafana.formattedValueToString({ ...display, text: display.text ?? "" }).trim();
};

const LENGTH = 3600;
const minutes = (seconds) => `${Math.floor(seconds / 60)}m${seconds % 60 ? `${seconds % 60}s` : ""}`;

/** The question is the board's own: its variables at their defaults, and a window by Grafana's rules for a panel of this width. */
function asked(panel, { target, path, parameters }, end) {
  const points = Math.max(100, Math.round(panel.width / 50) * 50);
  const step = Math.max(15, grafana.rangeUtil.roundInterval((LENGTH * 1000) / points) / 1000);
  const texts = { __rate_interval: minutes(Math.max(step + 15, 60)), __range: `${LENGTH}s`, price: "0.001" };
  const expected = target.expr.replace(/\$\{?(\w+)\}?/g, (whole, name) =>
    /^(category|provider|endpoint)$/.test(name) ? ".*" : (texts[name] ?? whole),
  );
  assert.equal(parameters.query, expected, panel.title);
  if (path === "query") return assert.equal(Number(parameters.time), end, panel.title);
  const window = [parameters.step, parameters.start, parameters.end].map(Number);
  assert.deepEqual(window, [step, end - LENGTH - ((end - LENGTH) % step), end - (end % step)], panel.title);
}

/** The answers to a panel's targets, in their order. */
const answersOf = (panel, definition, kept) =>
  panel.queries.map((line) => {
    const [refId, query] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 2)];
    const target = definition.targets.find((one) => one.refId === refId);
    const path = target.instant && !target.range ? "query" : "query_range";
    const found = kept.filter(({ parameters, path: asked }) => asked === path && parameters.query === query);
    assert.ok(found.length, `${panel.title} asked ${query}`);
    return { target, ...found[found.length - 1] };
  });

/** @type {Record<string, (panel: any, definition: any, series: any[], answers: any[]) => void>} */
const CHECKS = {
  timeseries(panel, definition, series) {
    panel.drawn.series.forEach((one, at) => {
      assert.deepEqual(one.labels, series[at].metric);
      const points = panel.drawn.times.flatMap((time, place) =>
        panel.drawn.values[at][place] === null ? [] : [[time, panel.drawn.values[at][place]]],
      );
      assert.deepEqual(
        points,
        samples(series[at])
          .map(([time, value]) => [Math.round(time * 1000), number(value)])
          .filter(([, value]) => !Number.isNaN(value)),
      );
    });
    panel.legend.forEach((row, at) => {
      const values = samples(series[at]).map(([, value]) => number(value));
      for (const [rule, text] of row)
        assert.equal(
          text,
          textOf(reduced(values, rule), { ...definition.fieldConfig.defaults, mappings: undefined }, rule),
          `${panel.title} ${rule}`,
        );
    });
  },
  stat: single,
  bargauge: single,
  piechart: single,
  table(panel, definition, series) {
    const { fields } = panel.drawn;
    const values = fields.find(({ name }) => name === "Value").values;
    assert.deepEqual(
      values,
      series.map(({ value }) => number(value[1])),
    );
    for (const { name, values: column } of fields)
      if (name !== "Value" && name !== "Time")
        assert.deepEqual(
          column,
          series.map(({ metric }) => metric[name] ?? ""),
        );
    panel.values.forEach(([, text], at) =>
      assert.equal(text, textOf(values[at], definition.fieldConfig.defaults)),
    );
  },
  heatmap(panel, definition, series) {
    const sorted = [...series].sort((a, b) => number(a.metric.le) - number(b.metric.le));
    const of = (row) => new Map(samples(row).map(([time, value]) => [time, number(value)]));
    panel.drawn.counts.forEach((row, bucket) =>
      row.forEach((count, at) => {
        const time = panel.drawn.times[at] / 1000;
        const own = of(sorted[bucket]).get(time);
        if (own !== undefined)
          assert.ok(
            Math.abs(count - Math.max(0, own - (bucket ? (of(sorted[bucket - 1]).get(time) ?? 0) : 0))) <
              1e-9,
          );
      }),
    );
  },
  "state-timeline"(panel, definition, series) {
    const lengths = panel.drawn.rows
      .map(({ stretches }) => stretches.reduce((sum, { from, to }) => sum + to - from, 0))
      .reverse();
    lengths.forEach((length, at) =>
      assert.ok(length > 0 || samples(series[at]).every(([, value]) => value === "NaN")),
    );
  },
};

/** Panels that show one number for each series. */
function single(panel, definition, series) {
  const rule = definition.options.reduceOptions?.calcs?.[0] ?? "lastNotNull";
  const expected = series.map((one) =>
    reduced(
      samples(one).map(([, value]) => number(value)),
      rule,
    ),
  );
  const kept =
    panel.kind === "piechart" ? expected.filter((value) => value !== null && value >= 0) : expected;
  assert.deepEqual(
    panel.drawn.values.map(({ value }) => value),
    kept,
    panel.title,
  );
  assert.deepEqual(
    panel.values.map(([value]) => value),
    kept.map(String),
  );
  panel.values.forEach(
    ([, text], at) =>
      kept[at] !== null && assert.equal(text, textOf(kept[at], definition.fieldConfig.defaults), panel.title),
  );
}

async function checked(around, uid, panels) {
  const { page, faults, close } = await opened(around.browser);
  const { end } = around.past;
  const kept = await recorded(
    page,
    `${around.shown.url}?board=${uid}&theme=light&lang=en&print=1&refresh=&from=${(end - 3600) * 1000}&to=${end * 1000}`,
  );
  let compared = 0;
  for (const panel of await shown(page)) {
    const definition = panels.find(({ id }) => id === panel.id);
    if (!CHECKS[panel.kind]) continue;
    const answers = answersOf(panel, definition, kept);
    for (const { path, parameters, data } of answers)
      assert.deepEqual(
        data,
        await around.full.ask(path, parameters),
        `${panel.title}: Prometheus's own answer`,
      );
    for (const answer of answers) asked(panel, answer, end);
    const series = answers.flatMap(({ data }) => data.result);
    if (panel.state === "drawn") CHECKS[panel.kind](panel, definition, series, answers);
    else assert.deepEqual([panel.state, series], ["no-data", []], panel.title);
    compared += panel.state === "drawn";
  }
  assert.deepEqual(faults, []);
  await close();
  return compared;
}

export function numbers(around) {
  test("panels over every kind of data show what Prometheus answers", async () => {
    const compared = await checked(around, "kinds", kindsBoard.panels);
    assert.ok(compared >= (NAMES.length - 1) * 9, String(compared));
  });
  for (const uid of ourBoards()) {
    test(`every panel of ${uid} shows what Prometheus answers`, async () => {
      const board = await (await fetch(`${around.shown.url}api/boards/${uid}`)).json();
      assert.ok((await checked(around, uid, board.panels)) > 12);
    });
  }
}
