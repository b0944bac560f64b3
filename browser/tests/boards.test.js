import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { bucketsOf } from "../../telemetry/look/static/js/buckets.js";
import { configOf, display, mapped, reached } from "../../telemetry/look/static/js/fields.js";
import { aligned, distinct, nameOf, seriesOf, tableOf, wide } from "../../telemetry/look/static/js/frames.js";
import { inLink, inQuery, inText, namesIn } from "../../telemetry/look/static/js/interpolate.js";
import { languageOf, runbookOf, safe, traceLink } from "../../telemetry/look/static/js/links.js";
import { inline, parse } from "../../telemetry/look/static/js/markdown.js";
import { repeated } from "../../telemetry/look/static/js/repeat.js";
import { foreign, panelRange, targetsOf } from "../../telemetry/look/static/js/queries.js";
import { transformed } from "../../telemetry/look/static/js/transform.js";
import {
  ALL,
  chosen,
  filledIn,
  optionsOf,
  ordered,
  question,
  valuesOf,
  writtenOptions,
} from "../../telemetry/look/static/js/variables.js";

const grafana = createRequire(import.meta.url)("./grafana.cjs");

const VARIABLES = {
  one: { value: 'a"b' },
  many: { value: ["a.b", "c"], text: ["A", "C"], list: true },
  single: { value: ["x+y"], list: true },
  every: { value: ALL, text: "All", list: true, all: ["p", "q"] },
  any: { value: ALL, list: true, all: ["p"], allValue: ".*" },
  url: { value: "http://h:1" },
};

test("a query has each value escaped for where it stands", () => {
  assert.equal(inQuery('m{a="$one"}', VARIABLES), 'm{a="a\\"b"}');
  assert.equal(inQuery('m{a=~"$many"}', VARIABLES), 'm{a=~"(a\\\\.b|c)"}');
  assert.equal(inQuery('m{a=~"${single}"}', VARIABLES), 'm{a=~"x\\\\+y"}');
  assert.equal(inQuery('m{a=~"$every", b=~"[[any]]"}', VARIABLES), 'm{a=~"(p|q)", b=~".*"}');
  assert.equal(
    inQuery("rate(m[$__rate_interval]) $unknown ${unknown} $1", { __rate_interval: { value: "1m" } }),
    "rate(m[1m]) $unknown ${unknown} $1",
  );
});

test("formats are those of Grafana's documentation", () => {
  const format = (name) => inQuery(`\${many:${name}}`, VARIABLES);
  assert.deepEqual(
    [
      "pipe",
      "regex",
      "csv",
      "raw",
      "glob",
      "json",
      "singlequote",
      "doublequote",
      "percentencode",
      "text",
    ].map(format),
    [
      "a.b|c",
      "(a\\.b|c)",
      "a.b,c",
      "a.b,c",
      "{a.b,c}",
      '["a.b","c"]',
      "'a.b','c'",
      '"a.b","c"',
      "%7Ba.b%2Cc%7D",
      "A + C",
    ],
  );
});

test("texts show what a reader chose, and links begin with an address as it is", () => {
  assert.equal(inText("of $many, $every", VARIABLES), "of A + C, All");
  assert.equal(inLink("$url/user/$one.md", VARIABLES), "http://h:1/user/a%22b.md");
  assert.deepEqual(namesIn("$a ${b:csv} [[c]]"), ["a", "b", "c"]);
});

test("a variable's query is a question to Prometheus", () => {
  const window = { start: 1000, end: 2000 };
  const asked = (query) => question(query, VARIABLES, window);
  assert.deepEqual(asked('label_values(m{a=~"$many"}, job)'), {
    path: "label/job/values",
    parameters: [
      ["match[]", 'm{a=~"(a\\\\.b|c)"}'],
      ["start", "1"],
      ["end", "2"],
    ],
  });
  assert.deepEqual(asked("label_values(job)").parameters, [
    ["start", "1"],
    ["end", "2"],
  ]);
  assert.equal(asked("label_names()").path, "labels");
  assert.deepEqual(asked("metrics(http.*)").parameters[0], ["match[]", '{__name__=~"http.*"}']);
  assert.deepEqual(asked("query_result(topk(3, m))").parameters, [
    ["query", "topk(3, m)"],
    ["time", "2"],
  ]);
  assert.equal(asked("anything"), null);
  assert.deepEqual(valuesOf({ result: [{ metric: { __name__: "m", a: "b" }, value: [1.5, "3"] }] }), [
    'm{a="b"} 3 1500',
  ]);
});

test("options are kept by an expression, named by its groups, sorted, and each there once", () => {
  const texts = (values, variable) => optionsOf(values, variable).map(({ text }) => text);
  assert.deepEqual(texts(["b10", "b9", "a"], { sort: 1 }), ["a", "b10", "b9"]);
  assert.deepEqual(texts(["b10", "b9"], { sort: 3 }), ["b9", "b10"]);
  assert.deepEqual(texts(["b10", "b9"], { sort: 4 }), ["b10", "b9"]);
  assert.deepEqual(texts(["b10", "b9", "c1"], { sort: 7 }), ["b9", "b10", "c1"]);
  assert.deepEqual(texts(["host-1", "host-2", "x"], { regex: "/host-(\\d)/" }), ["1", "2"]);
  assert.deepEqual(optionsOf(["a=1", "b=2"], { regex: "/(?<text>\\w)=(?<value>\\w)/" }), [
    { text: "a", value: "1" },
    { text: "b", value: "2" },
  ]);
  assert.deepEqual(texts(["a", "a"], { regex: "/(/" }), ["a"]);
});

test("chained variables are asked in their order, and a circle ends", () => {
  const made = [
    { name: "c", query: 'label_values(m{b=~"$b"}, c)' },
    { name: "b", query: { query: 'label_values(m{a="$a"}, b)' } },
    { name: "a", query: "label_values(a)" },
  ];
  assert.deepEqual(
    ordered(made).map(({ name }) => name),
    ["a", "b", "c"],
  );
  assert.equal(
    ordered([
      { name: "a", query: "$b" },
      { name: "b", query: "$a" },
    ]).length,
    2,
  );
});

test("what is chosen is of the address, else of the board, else All or the first", () => {
  const options = [
    { text: "a", value: "a" },
    { text: "b", value: "b" },
  ];
  assert.deepEqual(chosen({ type: "query", multi: true }, options, ["b", "gone"]), ["b"]);
  assert.deepEqual(
    chosen({ type: "query", multi: true, includeAll: true, current: { value: "$__all" } }, options, null),
    [ALL],
  );
  assert.deepEqual(chosen({ type: "query", current: { value: "gone" } }, options, null), ["a"]);
  assert.deepEqual(chosen({ type: "query", includeAll: true }, [], null), [ALL]);
  assert.deepEqual(
    chosen(
      { type: "textbox", query: "0.1", current: { value: "0.2" } },
      [{ text: "0.1", value: "0.1" }],
      null,
    ),
    ["0.2"],
  );
  assert.deepEqual(filledIn({ includeAll: true, allValue: ".*" }, options, [ALL]).allValue, ".*");
  assert.deepEqual(writtenOptions({ type: "custom", query: "one : 1, two\\,three" }), [
    { text: "one", value: "1" },
    { text: "two,three", value: "two,three" },
  ]);
});

test("series are named by the target's format, else by their labels", () => {
  assert.equal(nameOf({ a: "1", b: "2" }, { refId: "A", legendFormat: "{{a}} of {{ b }}{{c}}" }), "1 of 2");
  assert.equal(nameOf({ __name__: "m", a: "1" }, { refId: "A" }), 'm{a="1"}');
  assert.equal(nameOf({}, { refId: "A", expr: "sum(m)", legendFormat: "__auto" }), "sum(m)");
  const data = {
    resultType: "matrix",
    result: [
      {
        metric: {},
        values: [
          [1, "1"],
          [2, "NaN"],
          [3.5, "+Inf"],
        ],
      },
    ],
  };
  assert.deepEqual(seriesOf(data, { refId: "A", legendFormat: "x" }), [
    { name: "x", refId: "A", labels: {}, times: [1000, 2000, 3500], values: [1, NaN, Infinity] },
  ]);
  assert.deepEqual(
    seriesOf({ resultType: "scalar", result: [1, "2"] }, { refId: "A", legendFormat: "x" })[0].values,
    [2],
  );
  assert.deepEqual(
    distinct([{ name: "a" }, { name: "a" }, { name: "b" }]).map(({ name }) => name),
    ["a", "a 1", "b"],
  );
});

test("no line leads over a gap, and a NaN is one", () => {
  const all = [
    { times: [0, 10, 50], values: [1, NaN, 3] },
    { times: [10, 60], values: [5, 6] },
  ];
  assert.deepEqual(aligned(all, 10), {
    times: [0, 10, 20, 50, 60],
    values: [
      [1, null, null, 3, null],
      [null, 5, null, null, 6],
    ],
  });
  assert.deepEqual(aligned([], 10), { times: [], values: [] });
});

test("tables have time, labels and values, and are transformed", () => {
  const data = {
    resultType: "vector",
    result: [
      { metric: { b: "1", a: "x" }, value: [1, "3"] },
      { metric: { a: "y" }, value: [1, "2"] },
    ],
  };
  const table = tableOf([{ data, target: { refId: "A" } }]);
  assert.deepEqual(
    table.fields.map(({ name, values }) => [name, values]),
    [
      ["Time", [1000, 1000]],
      ["a", ["x", "y"]],
      ["b", ["1", ""]],
      ["Value", [3, 2]],
    ],
  );
  const { table: made, unknown } = transformed(table, [
    {
      id: "organize",
      options: {
        excludeByName: { Time: true },
        renameByName: { a: "A" },
        indexByName: { Value: 0, a: 1, b: 2 },
      },
    },
    { id: "sortBy", options: { sort: [{ field: "Value" }] } },
    { id: "joinByLabels" },
  ]);
  assert.deepEqual(
    made.fields.map(({ name, values }) => [name, values]),
    [
      ["Value", [2, 3]],
      ["A", ["y", "x"]],
      ["b", ["", "1"]],
    ],
  );
  assert.deepEqual(unknown, ["joinByLabels"]);
  assert.deepEqual(
    wide([{ name: "s", refId: "A", labels: {}, times: [1], values: [2] }]).fields.map(({ name }) => name),
    ["Time", "s"],
  );
});

test("buckets hold what fell into each alone", () => {
  const of = (le, values) => ({ labels: { le }, times: [1, 2], values });
  const { bounds, counts } = bucketsOf([of("+Inf", [7, NaN]), of("0.1", [2, 1]), of("0.5", [5, 0.5])]);
  assert.deepEqual(bounds, [0.1, 0.5, Infinity]);
  assert.deepEqual(counts, [
    [2, 1],
    [3, 0],
    [2, null],
  ]);
});

test("overrides apply in their order to the fields that they name", () => {
  const config = {
    defaults: { unit: "s", custom: { lineWidth: 1 } },
    overrides: [
      {
        matcher: { id: "byName", options: "p95" },
        properties: [
          { id: "unit", value: "ms" },
          { id: "custom.lineWidth", value: 3 },
        ],
      },
      {
        matcher: { id: "byRegexp", options: "/^p9/" },
        properties: [{ id: "color", value: { mode: "fixed", fixedColor: "red" } }],
      },
      {
        matcher: { id: "byFrameRefID", options: "B" },
        properties: [
          { id: "unit", value: "short" },
          { id: "__proto__.x", value: 1 },
        ],
      },
    ],
  };
  const field = { name: "p95", refId: "A", type: "number", values: [] };
  assert.deepEqual(configOf(config, field), {
    unit: "ms",
    custom: { lineWidth: 3 },
    color: { mode: "fixed", fixedColor: "red" },
  });
  assert.equal(configOf(config, { ...field, name: "x", refId: "B" }).unit, "short");
  assert.equal({}.x, undefined);
});

const STEPS = [
  { value: null, color: "green" },
  { value: 1, color: "yellow" },
  { value: 5, color: "red" },
];
test("thresholds are reached as in Grafana", () => {
  for (const value of [-1, 0, 0.99, 1, 4.9, 5, 100, Infinity, -Infinity, NaN]) {
    assert.equal(
      reached({ thresholds: { mode: "absolute", steps: STEPS } }, value).color,
      grafana.getActiveThreshold(
        value,
        STEPS.map((step) => ({ ...step, value: step.value ?? -Infinity })),
      ).color,
    );
  }
  const share = {
    min: 0,
    max: 200,
    thresholds: {
      mode: "percentage",
      steps: [
        { value: null, color: "a" },
        { value: 50, color: "b" },
      ],
    },
  };
  assert.deepEqual(
    [99, 100].map((value) => reached(share, value).color),
    ["a", "b"],
  );
});

const MAPPINGS = [
  { type: "value", options: { 0: { text: "down", color: "red" }, 1: { text: "up" } } },
  { type: "range", options: { from: 10, to: 20, result: { text: "some" } } },
  { type: "regex", options: { pattern: "/^h(.*)/", result: { text: "<$1>" } } },
  { type: "special", options: { match: "nan", result: { text: "n/a" } } },
  { type: "special", options: { match: "null", result: { text: "none" } } },
];
test("mappings are Grafana's", () => {
  for (const value of [0, 1, "1", 2, 10, 15, 20, 21, "hat", "cat", NaN, null, ""]) {
    const config = { mappings: MAPPINGS, decimals: 2 };
    const field = { name: "v", type: typeof value === "string" ? "string" : "number", config, values: [] };
    const theirs = grafana.getDisplayProcessor({ field, theme: grafana.createTheme() })(value).text;
    assert.equal(mapped(MAPPINGS, value)?.text ?? display(config, value).text, theirs, String(value));
  }
  assert.deepEqual(display({ mappings: MAPPINGS, unit: "s" }, 2), {
    text: "2 s",
    color: null,
    mapped: false,
  });
  assert.equal(display({ noValue: "-" }, null).text, "-");
});

test("only addresses of pages are followed", () => {
  const base = "http://127.0.0.1:3002/";
  assert.equal(safe("https://a.example/x", base), "https://a.example/x");
  assert.equal(safe("?view=alerts", base), "http://127.0.0.1:3002/?view=alerts");
  for (const bad of [
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "\\\\evil.example",
    "vbscript:x",
    "file:///etc",
    "",
    null,
    undefined,
  ]) {
    assert.equal(safe(bad, base), null, String(bad));
  }
  assert.equal(runbookOf("http://h/user/HighLatency.md", ["HighLatency"]), "HighLatency");
  assert.equal(runbookOf("http://h/user/Other.md", ["HighLatency"]), null);
  assert.equal(runbookOf("ko/HighLatency.md", ["HighLatency"]), "HighLatency");
  assert.equal(languageOf("ko/HighLatency.md"), "ko");
  assert.equal(languageOf("../HighLatency.md"), "en");
  for (const keeps of ["HighLatency.md", "http://h/user/ko/HighLatency.md", "ko/a/../HighLatency.md"]) {
    assert.equal(languageOf(keeps), null, keeps);
  }
  assert.equal(traceLink("https://t.example/{trace_id}", "abc1", base), "https://t.example/abc1");
  assert.equal(traceLink("https://t.example/{trace_id}", "../x", base), null);
  assert.equal(traceLink(null, "abc1", base), null);
});

test("Markdown becomes a tree of what it says", () => {
  assert.deepEqual(parse("# A *b*\n\ntext `c|d`\n[l](http://x)"), [
    { tag: "h1", children: ["A ", { tag: "em", children: ["b"] }] },
    {
      tag: "p",
      children: [
        "text ",
        { tag: "code", children: ["c|d"] },
        "\n",
        { tag: "a", children: ["l"], href: "http://x" },
      ],
    },
  ]);
  assert.deepEqual(parse("| a | b |\n| --- | :-: |\n| 1 | **2** |")[0].children[1], {
    tag: "tbody",
    children: [
      {
        tag: "tr",
        children: [
          { tag: "td", children: ["1"] },
          { tag: "td", children: [{ tag: "strong", children: ["2"] }] },
        ],
      },
    ],
  });
  assert.deepEqual(parse("```sh\n<b>\n```\n> q"), [
    { tag: "pre", children: [{ tag: "code", children: ["<b>"] }] },
    { tag: "blockquote", children: [{ tag: "p", children: ["q"] }] },
  ]);
  assert.deepEqual(parse("1. one\n2. two\n   - in\n\n---"), [
    {
      tag: "ol",
      children: [
        { tag: "li", children: ["one"] },
        { tag: "li", children: ["two", { tag: "ul", children: [{ tag: "li", children: ["in"] }] }] },
      ],
    },
    { tag: "hr", children: [] },
  ]);
  assert.deepEqual(inline("http_requests_total and snake_case_name"), [
    "http_requests_total and snake_case_name",
  ]);
});

test("markup in Markdown is text, and an image its words", () => {
  assert.deepEqual(parse("<script>alert(1)</script>"), [
    { tag: "p", children: ["<script>alert(1)</script>"] },
  ]);
  assert.deepEqual(inline("![pic](http://x/y.png)"), ["pic"]);
  const tags = new Set();
  const walk = (nodes) =>
    nodes.forEach((node) => typeof node !== "string" && (tags.add(node.tag), walk(node.children)));
  walk(parse("# a\n<img src=x onerror=y>\n\n[x](javascript:alert(1))\n\n- <b>z</b>"));
  assert.deepEqual([...tags].sort(), ["a", "h1", "li", "p", "ul"]);
});

test("repeated panels stand beside each other, and move what is below down", () => {
  const variables = { p: { value: "$__all", all: ["a", "b", "c"] } };
  const panels = [
    { id: 1, repeat: "p", maxPerRow: 2, gridPos: { x: 0, y: 0, w: 24, h: 4 } },
    { id: 2, gridPos: { x: 0, y: 4, w: 24, h: 4 } },
  ];
  const [{ panels: made }] = repeated([{ row: null, panels }], variables);
  assert.deepEqual(
    made.map(({ gridPos: { x, y, w }, scoped }) => [x, y, w, scoped?.p.value]),
    [
      [0, 0, 12, "a"],
      [12, 0, 12, "b"],
      [0, 4, 12, "c"],
      [0, 8, 24, undefined],
    ],
  );
  assert.deepEqual(
    repeated([{ row: { repeat: "p" }, panels: [panels[1]] }], variables).map(({ row }) => row.scoped.p.value),
    ["a", "b", "c"],
  );
});

test("only Prometheus is asked, and a panel may look back further than its board", () => {
  const loki = { datasource: { type: "loki" }, targets: [{ expr: "x", datasource: { type: "loki" } }] };
  const mixed = {
    datasource: { type: "datasource" },
    targets: [{ expr: "x", datasource: { type: "loki" } }, { expr: "y" }, { expr: "z", hide: true }],
  };
  assert.deepEqual(
    [foreign(loki), foreign(mixed), targetsOf(mixed).map(({ expr }) => expr)],
    ["loki", undefined, ["y"]],
  );
  assert.deepEqual(panelRange({ timeFrom: "1h" }, { from: 0, to: 7200000 }), { from: 3600000, to: 7200000 });
  assert.deepEqual(panelRange({}, { from: 0, to: 1 }), { from: 0, to: 1 });
});
