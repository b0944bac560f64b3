// Series of every kind of data that a panel may meet, and a board with a panel of each type over each.

/** One minute apart, before `end` (Unix seconds). */
const KINDS = {
  normal: (at) => 10 + at,
  partial: (at) => (at > 20 && at < 40 ? null : 5 + (at % 7)),
  nan: (at) => (at % 5 === 0 ? NaN : at / 3),
  "one-sample": (at, count) => (at === count - 1 ? 42 : null),
  "counter-reset": (at) => (at * 7) % 100,
  negative: (at) => -at,
  zero: () => 0,
};
export const NAMES = [...Object.keys(KINDS), "empty"];

export function* kindLines({ end, count = 60 }) {
  yield "# TYPE look_kind gauge";
  for (const [kind, value] of Object.entries(KINDS)) {
    for (let at = 0; at < count; at++) {
      const own = value(at, count);
      if (own !== null) yield `look_kind{kind="${kind}"} ${own} ${end - (count - 1 - at) * 60}`;
    }
  }
}

const RULES = ["mean", "max", "lastNotNull", "min", "sum", "range", "count", "diff", "delta"];
const target = (kind, more = {}) => ({
  refId: "A",
  expr: `last_over_time(look_kind{kind="${kind}"}[1m])`,
  legendFormat: "{{kind}}",
  range: true,
  instant: false,
  ...more,
});

/** @param {string} kind */
const panelsOf = (kind, row) =>
  [
    { type: "timeseries", options: { legend: { calcs: RULES, displayMode: "table", showLegend: true } } },
    ...["lastNotNull", "mean", "sum", "range"].map((calc) => ({
      type: "stat",
      options: { reduceOptions: { calcs: [calc] } },
    })),
    { type: "bargauge", options: { reduceOptions: { calcs: ["max"] } } },
    { type: "piechart", options: { reduceOptions: { calcs: ["lastNotNull"] } } },
    { type: "table", targets: [target(kind, { range: false, instant: true, format: "table" })] },
    { type: "state-timeline" },
  ].map((panel, at) => ({
    id: row * 20 + at + 1,
    title: `${panel.type} ${panel.options?.reduceOptions?.calcs ?? ""} of ${kind}`,
    gridPos: { x: (at % 6) * 4, y: row * 16 + Math.floor(at / 6) * 8, w: 4, h: 8 },
    fieldConfig: {
      defaults: {
        unit: "short",
        thresholds: {
          mode: "absolute",
          steps: [
            { value: null, color: "green" },
            { value: 50, color: "red" },
          ],
        },
      },
      overrides: [],
    },
    targets: [target(kind)],
    ...panel,
  }));

export const kindsBoard = {
  uid: "kinds",
  title: "Kinds of data",
  timezone: "utc",
  time: { from: "now-1h", to: "now" },
  templating: { list: [] },
  panels: NAMES.flatMap(panelsOf),
};

/** What a page must not follow, run or choke on. */
export const hostileBoard = {
  uid: "hostile",
  title: "<b>Hostile</b>",
  time: { from: "now-1h", to: "now" },
  templating: {
    list: [
      {
        name: "kind",
        type: "query",
        query: "label_values(look_kind, kind)",
        multi: true,
        includeAll: true,
        sort: 1,
        current: { value: ["normal"] },
      },
      { name: "chained", type: "query", query: 'label_values(look_kind{kind=~"$kind"}, kind)', current: {} },
      { name: "text", type: "textbox", query: "normal", current: { value: "normal" } },
    ],
  },
  panels: [
    {
      id: 1,
      type: "text",
      title: "$text <img src=x onerror=alert(1)>",
      gridPos: { x: 0, y: 0, w: 12, h: 6 },
      options: {
        mode: "markdown",
        content:
          "<script>alert(1)</script> [bad](javascript:alert(1)) [good](https://example.org/) ![x](http://192.0.2.1/x.png)",
      },
    },
    {
      id: 2,
      type: "table",
      title: "Links",
      gridPos: { x: 12, y: 0, w: 12, h: 6 },
      fieldConfig: {
        defaults: { links: [{ title: "l", url: "javascript:alert(1)//${__data.fields.kind}" }] },
      },
      targets: [{ refId: "A", expr: 'look_kind{kind=~"$kind"}', format: "table", instant: true }],
    },
    { id: 3, type: "news", title: "Other", gridPos: { x: 0, y: 6, w: 8, h: 6 } },
    {
      id: 4,
      type: "timeseries",
      title: "Partial",
      gridPos: { x: 8, y: 6, w: 8, h: 6 },
      targets: [
        { refId: "A", expr: 'look_kind{kind=~"$kind"}', legendFormat: "{{kind}}" },
        { refId: "B", expr: "this is no query(" },
      ],
    },
    {
      id: 5,
      type: "timeseries",
      title: "Failed",
      gridPos: { x: 16, y: 6, w: 8, h: 6 },
      targets: [{ refId: "A", expr: "sum(" }],
    },
    {
      id: 6,
      type: "timeseries",
      title: "Exemplars",
      gridPos: { x: 0, y: 12, w: 12, h: 8 },
      links: [
        { title: "bad", url: "javascript:alert(1)" },
        { title: "good", url: "https://example.org/?k=$kind" },
      ],
      fieldConfig: {
        defaults: {
          custom: { stacking: { mode: "normal" }, fillOpacity: 30, thresholdsStyle: { mode: "line+area" } },
          thresholds: {
            steps: [
              { value: null, color: "green" },
              { value: 20, color: "red" },
            ],
          },
        },
      },
      targets: [
        { refId: "A", expr: 'look_kind{kind=~"normal|zero"}', legendFormat: "{{kind}}", exemplar: true },
      ],
    },
    {
      id: 7,
      type: "table",
      title: "Transformed",
      gridPos: { x: 12, y: 12, w: 12, h: 8 },
      transformations: [{ id: "groupToNestedTable" }],
      targets: [{ refId: "A", expr: "look_kind", format: "table", instant: true }],
    },
  ],
};
