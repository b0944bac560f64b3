/** The pages beside the boards: alerts, targets, the metrics' catalogue, and runbooks. */

import { ask, askPrometheus } from "./api.js";
import { h, fill } from "./dom.js";
import { runbookOf } from "./links.js";
import { momentText } from "./plot.js";
import { anchor, prose } from "./prose.js";
import { joined, formatOf } from "./units.js";
import { language, say } from "./words.js";

/** @typedef {{runbooks: string[], utc: boolean, follow: (address: string) => string}} Given */

/** The runbook's text. @param {string} name @param {Given} given */
export async function runbook(name, given) {
  const { markdown, language: spoken } = await ask(`api/runbooks/${encodeURIComponent(name)}`, [
    ["language", language()],
  ]);
  const text = prose(markdown, given.follow);
  text.lang = spoken;
  return h("article", { class: "sheet" }, text);
}

/** @param {Given} given */
export async function alerts(given) {
  const { data } = await askPrometheus("rules", [["type", "alert"]], {});
  const rules = data.groups
    .flatMap((/** @type {any} */ { rules: own }) => own)
    .filter((/** @type {any} */ { type }) => type === "alerting");
  const live = rules.flatMap((/** @type {any} */ rule) =>
    rule.alerts.map((/** @type {any} */ alert) => ({ rule, alert })),
  );
  const of = (/** @type {string} */ state) =>
    live.filter((/** @type {any} */ { alert }) => alert.state === state);
  return h(
    "div",
    {},
    ["firing", "pending"].map((state) =>
      of(state).length
        ? h(
            "section",
            {},
            h("h2", {}, `${say(state)} (${of(state).length})`),
            of(state).map((/** @type {any} */ one) => alertCard(one, given)),
          )
        : null,
    ),
    live.length ? null : h("p", { class: "quiet" }, say("quiet")),
    h("section", {}, h("h2", {}, say("rules")), ruleTable(rules, given)),
  );
}

/** @param {{rule: any, alert: any}} one @param {Given} given */
function alertCard({ rule, alert }, given) {
  const { alertname, severity, ...labels } = alert.labels;
  const { summary, description, runbook_url: address } = alert.annotations;
  const name = runbookOf(address ?? alertname, given.runbooks) ?? runbookOf(alertname, given.runbooks);
  return h(
    "article",
    { class: `sheet alert ${alert.state} ${severity ?? ""}` },
    h(
      "h3",
      {},
      alertname,
      " ",
      h("span", { class: "tag" }, severity ?? ""),
      h("span", { class: "tag" }, say(alert.state)),
    ),
    h("p", {}, summary ?? ""),
    description ? h("p", {}, description) : null,
    h(
      "p",
      { class: "faint" },
      [
        `${say("since")} ${momentText(Date.parse(alert.activeAt), given.utc)}`,
        ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      ].join(" · "),
    ),
    h("pre", { tabindex: 0 }, rule.query),
    name
      ? runbookInside(name, given)
      : address
        ? h("p", {}, anchor(given.follow(address), [say("runbook")]))
        : null,
  );
}

/** @param {string} name @param {Given} given */
function runbookInside(name, given) {
  const inside = h("div", {});
  const details = h(
    "details",
    {
      ontoggle: async () => {
        if (details.open && !inside.childNodes.length)
          fill(inside, await runbook(name, given).catch(failure));
      },
    },
    h("summary", {}, `${say("runbook")}: ${name}`),
    inside,
  );
  return details;
}

/** @param {any[]} rules @param {Given} given */
function ruleTable(rules, given) {
  const order = ["firing", "pending", "inactive"];
  const sorted = [...rules].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return plainTable(
    [say("alert"), say("state"), say("severity"), say("meaning"), say("health")],
    sorted.map(({ name, state, labels, annotations, health, lastError }) => [
      given.runbooks.includes(name) ? anchor(`?view=runbook&name=${name}`, [name]) : name,
      h("span", { class: `tag ${state}` }, say(state)),
      labels.severity ?? "",
      annotations.summary ?? "",
      lastError || health,
    ]),
  );
}

/** @param {string[]} head @param {(Node | string)[][]} rows */
const plainTable = (head, rows) =>
  h(
    "div",
    { class: "rows-of", tabindex: 0, role: "region", "aria-label": head[0] },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    ),
  );

/** @param {Given} given */
export async function targets(given) {
  const { data } = await askPrometheus("targets", [], {});
  const rows = data.activeTargets.map(
    (/** @type {any} */ { labels, health, scrapeUrl, lastScrape, lastScrapeDuration, lastError }) => [
      h("span", { class: `tag ${health}` }, say(health)),
      labels.job ?? "",
      scrapeUrl,
      lastScrape.startsWith("0001") ? "" : momentText(Date.parse(lastScrape), given.utc),
      joined(formatOf("s")(lastScrapeDuration)),
      lastError,
    ],
  );
  return plainTable(
    [say("state"), say("job"), say("address"), say("lastScrape"), say("took"), say("error")],
    rows,
  );
}

export async function catalogue() {
  const { metrics } = await ask("api/catalogue");
  if (!metrics.length) return h("p", { class: "quiet" }, say("noMetrics"));
  const rows = metrics.map((/** @type {any} */ { name, kind, unit, description, labels, readers }) => ({
    text: `${name} ${description} ${(labels ?? []).join(" ")} ${readers.join(" ")}`.toLowerCase(),
    row: h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name)),
      h("td", {}, kind),
      h("td", {}, unit),
      h("td", {}, description),
      h("td", {}, labels ? labels.join(", ") : labelsButton(name)),
      h("td", {}, readers.join(", ")),
    ),
  }));
  const body = h(
    "tbody",
    {},
    rows.map((/** @type {any} */ { row }) => row),
  );
  const input = h("input", {
    type: "search",
    oninput: () =>
      rows.forEach(
        (/** @type {any} */ { text, row }) => (row.hidden = !text.includes(input.value.toLowerCase())),
      ),
  });
  const heads = ["metric", "kind", "unit", "meaning", "labels", "readers"].map((key) =>
    h("th", { scope: "col" }, say(key)),
  );
  return h(
    "div",
    {},
    h("p", {}, h("label", {}, `${say("search")} `, input)),
    h(
      "div",
      { class: "rows-of", tabindex: 0, role: "region", "aria-label": say("catalogue") },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), body),
    ),
  );
}

/** Where nobody knows a metric's labels, Prometheus does. @param {string} metric */
function labelsButton(metric) {
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        const { data } = await askPrometheus("labels", [["match[]", metric]], {}).catch(() => ({ data: [] }));
        button.replaceWith(data.filter((/** @type {string} */ name) => name !== "__name__").join(", "));
      },
    },
    say("askLabels"),
  );
  return button;
}

/** @param {unknown} error */
export const failure = (error) =>
  h("p", { class: "says error", role: "alert" }, error instanceof Error ? error.message : String(error));
