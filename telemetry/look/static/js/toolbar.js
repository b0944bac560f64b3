/** What stands above a board: variables, time range, refresh. */

import { h } from "./dom.js";
import { ALL } from "./variables.js";
import { say, spanName } from "./words.js";
import { momentText } from "./plot.js";

/** @typedef {import("./board.js").Choice} Choice */

export const SPANS = [
  "now-5m",
  "now-15m",
  "now-30m",
  "now-1h",
  "now-3h",
  "now-6h",
  "now-12h",
  "now-24h",
  "now-2d",
  "now-7d",
  "now-30d",
];

/** @param {Choice} choice @param {(values: string[]) => void} changed @param {boolean} fixed */
export function variableControl({ definition, options, values }, changed, fixed) {
  const { name, label, type, multi, hide, description } = definition;
  if (hide === 2 || type === "constant" || type === "datasource") return null;
  const words = label || name;
  if (type === "textbox") return textControl(words, values[0], changed, fixed, description);
  if (multi) return listControl(words, choice(definition, options, values), changed, fixed, description);
  const select = h(
    "select",
    { disabled: fixed, title: description, onchange: () => changed([select.value]) },
    choice(definition, options, values).map(({ text, value, on }) =>
      h("option", { value, selected: on }, text),
    ),
  );
  return h("label", { class: "variable" }, h("span", {}, words), select);
}

/**
 * All first, then the options; a chosen value that is no option stands there, too.
 * @param {Choice["definition"]} definition
 * @param {Choice["options"]} options
 * @param {string[]} values
 */
function choice({ includeAll }, options, values) {
  const gone = values
    .filter((value) => value !== ALL && !options.some((option) => option.value === value))
    .map((value) => ({ text: value, value }));
  return [...(includeAll ? [{ text: say("all"), value: ALL }] : []), ...options, ...gone].map((option) => ({
    ...option,
    on: values.includes(option.value),
  }));
}

/**
 * @param {string} words
 * @param {string} value
 * @param {(values: string[]) => void} changed
 * @param {boolean} fixed
 * @param {string} [description]
 */
function textControl(words, value, changed, fixed, description) {
  const input = h("input", {
    type: "text",
    value,
    disabled: fixed,
    title: description,
    size: Math.min(28, Math.max(8, value.length)),
    onchange: () => changed([input.value]),
  });
  return h("label", { class: "variable" }, h("span", {}, words), input);
}

/**
 * Several of a list: boxes to tick, in a box that opens. All excludes the others.
 * @param {string} words
 * @param {{text: string, value: string, on: boolean}[]} options
 * @param {(values: string[]) => void} changed
 * @param {boolean} fixed
 * @param {string} [description]
 */
function listControl(words, options, changed, fixed, description) {
  const on = options.filter((option) => option.on);
  const summary =
    on.length === 1 || !on.length ? (on[0]?.text ?? say("none")) : `${on.length} ${say("selected")}`;
  const boxes = options.map(({ text, value, on: ticked }) => {
    const input = h("input", {
      type: "checkbox",
      value,
      checked: ticked,
      disabled: fixed,
      onchange: () =>
        ticks(
          input,
          boxes.map(({ box }) => box),
        ),
    });
    return { box: input, row: h("label", {}, input, text) };
  });
  const list = h(
    "details",
    {
      class: "choice",
      ontoggle: () => {
        const values = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
        const before = on.map(({ value }) => value);
        if (!list.open && String(values) !== String(before)) changed(values.length ? values : [ALL]);
      },
    },
    h("summary", { title: description, "aria-label": `${words}: ${summary}` }, summary),
    h(
      "div",
      { class: "popover" },
      boxes.map(({ row }) => row),
    ),
  );
  return h("div", { class: "variable" }, h("span", { "aria-hidden": "true" }, words), list);
}

/** @param {HTMLInputElement} pressed @param {HTMLInputElement[]} boxes */
function ticks(pressed, boxes) {
  if (!pressed.checked) return;
  for (const box of boxes) if ((box.value === ALL) !== (pressed.value === ALL)) box.checked = false;
}

/**
 * Both ends; the day once where they share it.
 * @param {import("./time.js").Range} range
 * @param {boolean} utc
 */
function between(range, utc) {
  const [from, to] = [range.from, range.to].map((time) => momentText(time, utc).slice(0, 16));
  return `${from} – ${to.slice(0, 10) === from.slice(0, 10) ? to.slice(11) : to}${utc ? " UTC" : ""}`;
}

/**
 * @param {import("./time.js").Written} written
 * @param {import("./time.js").Range} range
 * @param {boolean} utc
 * @param {boolean} fixed
 * @param {{set: (written: import("./time.js").Written) => boolean, shift: (share: number) => void, out: () =>
 * void}} does
 */
export function rangeControl(written, range, utc, fixed, does) {
  const words =
    written.to === "now" && written.from.startsWith("now-") ? spanName(written.from) : between(range, utc);
  if (fixed) return h("span", { class: "fixed" }, words);
  const from = h("input", {
    type: "text",
    value: /^\d+$/.test(written.from) ? momentText(range.from, utc).slice(0, 19) : written.from,
    autocomplete: "off",
    spellcheck: "false",
  });
  const to = h("input", {
    type: "text",
    value: /^\d+$/.test(written.to) ? momentText(range.to, utc).slice(0, 19) : written.to,
    autocomplete: "off",
    spellcheck: "false",
  });
  const wrong = h("p", { class: "error", role: "alert" });
  const form = h(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        wrong.textContent = does.set({ from: from.value, to: to.value }) ? "" : say("badRange");
      },
    },
    h("label", {}, say("from"), from),
    h("label", {}, say("to"), to),
    h("button", { type: "submit" }, say("apply")),
    wrong,
  );
  const spans = SPANS.map((span) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(span === written.from && written.to === "now"),
          onclick: () => does.set({ from: span, to: "now" }),
        },
        spanName(span),
      ),
    ),
  );
  return h(
    "div",
    { class: "range" },
    h(
      "button",
      {
        type: "button",
        class: "icon",
        "aria-label": say("back"),
        title: say("back"),
        onclick: () => does.shift(-0.5),
      },
      "‹",
    ),
    h(
      "details",
      { class: "choice" },
      h("summary", { "aria-label": `${say("range")}: ${words}` }, words),
      h("div", { class: "popover times" }, h("ul", {}, spans), form),
    ),
    h(
      "button",
      {
        type: "button",
        class: "icon",
        "aria-label": say("forward"),
        title: say("forward"),
        onclick: () => does.shift(0.5),
      },
      "›",
    ),
    h(
      "button",
      { type: "button", class: "icon", "aria-label": say("out"), title: say("out"), onclick: does.out },
      "−",
    ),
  );
}

/**
 * @param {string} current
 * @param {string[]} offered
 * @param {(value: string) => void} set
 * @param {() => void} now
 */
export function refreshControl(current, offered, set, now) {
  const values = [...new Set(["", ...offered, current])];
  const select = h(
    "select",
    { "aria-label": say("every"), title: say("every"), onchange: () => set(select.value) },
    values.map((value) => h("option", { value, selected: value === current }, value || say("off"))),
  );
  return h(
    "div",
    { class: "refresh" },
    h(
      "button",
      { type: "button", class: "icon", "aria-label": say("refresh"), title: say("refresh"), onclick: now },
      "↻",
    ),
    select,
  );
}
