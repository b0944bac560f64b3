/** The page: what its address asks for is shown, and what a reader does is written into the address. */

import { AskError, ask, snapshot } from "./api.js";
import { read, written } from "./address.js";
import { alerts, catalogue, failure, runbook, targets } from "./beside.js";
import { Board, boardOf, choices } from "./board.js";
import { fill, h } from "./dom.js";
import { languageOf, runbookOf, traceLink } from "./links.js";
import { anchor } from "./prose.js";
import { duration, range as rangeOf, wider } from "./time.js";
import { rangeControl, refreshControl, variableControl } from "./toolbar.js";
import { momentText } from "./plot.js";
import { language, say, speak } from "./words.js";

/** @typedef {import("./address.js").Place} Place */

const root = document.documentElement;
const banner = h("div", { class: "banner", role: "alert", hidden: true });
const header = h("header", { class: "top" });
const bar = h("div", { class: "bar", role: "group" });
const content = h("main", { id: "content", tabindex: -1 });
const dark = matchMedia("(prefers-color-scheme: dark)");

let place = read(location.search);
/** @type {Board | null} */
let board = null;
let timer = 0;
let turn = 0;
/** @type {any} */
let config = {};
/** @type {{boards: any[], problems: any[]}} */
let known = { boards: [], problems: [] };
/** @type {string[]} */
let runbooks = [];

const theme = () =>
  /** @type {import("./colors.js").Theme} */ (
    place.theme === "dark" || place.theme === "light"
      ? place.theme
      : (kept("theme") ?? (dark.matches ? "dark" : "light"))
  );

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(`look-${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try {
    localStorage.setItem(`look-${key}`, value);
  } catch {
    // A browser may forbid it: then the choice is the address's alone.
  }
}

/** Shows another place, and leaves a way back to this one. @param {Partial<Place>} change */
function go(change) {
  place = { ...place, ...change };
  history.pushState(null, "", written(place));
  void show();
}

/**
 * An address in a board or text: that of a runbook of ours leads to it on this page.
 * @param {string} address
 */
function follow(address) {
  const name = runbookOf(address, runbooks);
  if (!name || !/\.md$/.test(address)) return address;
  return written({ ...place, view: "runbook", name, print: false, lang: languageOf(address) ?? place.lang });
}

/** Everything that the address says, from the beginning. */
async function show() {
  const own = ++turn;
  clearTimeout(timer);
  root.dataset.ready = "false";
  root.dataset.theme = theme();
  root.classList.toggle("print", place.print);
  board?.remove();
  board = null;
  banner.hidden = true;
  const uid = place.board ?? snapshot?.board ?? known.boards[0]?.uid ?? null;
  drawHeader(uid);
  try {
    await (place.view === "board" ? showBoard(uid, () => own === turn) : showBeside(() => own === turn));
  } catch (error) {
    if (own === turn) fill(content, failure(error));
  }
  if (own === turn && place.view !== "board") root.dataset.ready = "true";
}

/** @param {() => boolean} current */
async function showBeside(current) {
  fill(bar);
  fill(content, h("p", { class: "says" }, say("loading")));
  const given = { runbooks, utc: false, follow };
  /** @type {Record<string, () => Promise<HTMLElement>>} */
  const views = {
    alerts: () => alerts(given),
    targets: () => targets(given),
    catalogue,
    runbook: () => runbook(place.name ?? "", given),
  };
  const view = Object.hasOwn(views, place.view) ? place.view : "alerts";
  document.title = `${view === "runbook" ? place.name : say(view)} · ${config.title}`;
  const shown = await views[view]().catch(failure);
  if (current())
    fill(
      content,
      h(
        "div",
        { class: "pages" },
        h("h1", {}, view === "runbook" ? `${say("runbook")}: ${place.name}` : say(view)),
        shown,
      ),
    );
}

/** @param {string | null} uid @param {() => boolean} current */
async function showBoard(uid, current) {
  fill(bar);
  if (!uid) {
    fill(content, h("p", { class: "says" }, say("noBoards")), problems());
    root.dataset.ready = "true";
    return;
  }
  const json = await boardOf(uid).catch((error) => {
    root.dataset.ready = "true";
    throw error instanceof AskError && error.kind === "not_found"
      ? new Error(`${say("notFound")}: ${uid}`)
      : error;
  });
  if (!current()) return;
  document.title = `${json.title} · ${config.title}`;
  await furnish(uid, json, current);
}

/**
 * The board with its variables and range.
 * @param {string} uid
 * @param {any} json
 * @param {() => boolean} current
 */
async function furnish(uid, json, current) {
  const utc = json.timezone === "utc";
  const times = { from: place.from ?? json.time?.from ?? "now-6h", to: place.to ?? json.time?.to ?? "now" };
  const now = () =>
    snapshot
      ? { from: snapshot.ranges[uid].from * 1000, to: snapshot.ranges[uid].to * 1000 }
      : (rangeOf(times, Date.now(), utc) ?? { from: Date.now() - 6 * 3600000, to: Date.now() });
  const scrape = (config.minimum_interval_seconds ?? 15) * 1000;
  let range = now();
  const definitions = json.templating?.list ?? [];
  let { choices: chosen, variables } = await choices(uid, definitions, place.variables, range, scrape);
  if (!current()) return;
  const setting = () => ({ uid, range, utc, scrape, variables, theme: theme(), zoom, follow, trace });
  const zoom = (/** @type {import("./time.js").Range} */ to) => {
    if (!snapshot) go({ from: String(to.from), to: String(to.to) });
  };
  const refresh = place.refresh ?? (snapshot ? "" : json.refresh || "");
  const holder = h("div", { class: "board" });
  fill(
    content,
    h("h1", { class: "unseen" }, json.title),
    json.description ? h("p", { class: "unseen" }, json.description) : null,
    holder,
    problems(),
  );
  const made = (board = new Board(json, holder, setting, {
    all: place.print,
    busy: () => (root.dataset.ready = "false"),
    settled,
  }));
  const again = async () => {
    range = now();
    if (definitions.some((/** @type {any} */ { refresh: when }) => when === 2))
      ({ choices: chosen, variables } = await choices(uid, definitions, place.variables, range, scrape));
    if (board !== made) return;
    drawBar();
    await made.refresh();
    schedule();
  };
  const schedule = () => {
    clearTimeout(timer);
    const wait = duration(refresh);
    if (board === made && wait > 0 && times.to.startsWith("now"))
      timer = window.setTimeout(() => (document.hidden ? schedule() : void again()), Math.max(1000, wait));
  };
  const drawBar = () => {
    if (bar.contains(document.activeElement) || bar.querySelector("details[open]")) return;
    fill(
      bar,
      chosen.map((choice) =>
        variableControl(
          choice,
          (values) => go({ variables: { ...place.variables, [choice.definition.name]: values } }),
          Boolean(snapshot),
        ),
      ),
      h("span", { class: "gap" }),
      rangeControl(times, range, utc, Boolean(snapshot), {
        set: (wished) => Boolean(rangeOf(wished, Date.now(), utc)) && (go(wished), true),
        shift: (share) =>
          zoom({
            from: range.from + share * (range.to - range.from),
            to: range.to + share * (range.to - range.from),
          }),
        out: () => zoom(wider(range, Date.now())),
      }),
      snapshot
        ? null
        : refreshControl(
            refresh,
            config.refresh ?? [],
            (value) => go({ refresh: value }),
            () => void again(),
          ),
    );
  };
  drawBar();
  await made.refresh();
  schedule();
}

const trace = (/** @type {string} */ id) => traceLink(config.trace_url ?? null, id, document.baseURI);

/** @param {import("./panel.js").Panel[]} panels */
function settled(panels) {
  const away = panels.some((panel) => panel.errors.includes("unreachable"));
  if (away && banner.hidden) banner.textContent = say("unreachable");
  banner.hidden = !away;
  root.dataset.ready = "true";
}

/** Files that are no boards. */
const problems = () =>
  known.problems.length
    ? h(
        "details",
        { class: "sheet" },
        h("summary", {}, `${say("problems")} (${known.problems.length})`),
        h(
          "ul",
          {},
          known.problems.map(({ file, reason }) => h("li", {}, h("code", {}, file), ` ${reason}`)),
        ),
      )
    : null;

/** @param {string | null} uid */
function drawHeader(uid) {
  speak(place.lang ?? kept("lang") ?? (navigator.language?.startsWith("ko") ? "ko" : "en"));
  bar.setAttribute("aria-label", say("range"));
  const select = h(
    "select",
    {
      "aria-label": say("board"),
      onchange: () =>
        go({
          view: "board",
          board: select.value,
          from: null,
          to: null,
          refresh: null,
          variables: {},
          name: null,
        }),
    },
    known.boards.map((one) => h("option", { value: one.uid, selected: one.uid === uid }, one.title)),
  );
  const views = ["board", "alerts", "targets", "catalogue"].map((view) =>
    h(
      "a",
      {
        href: written({ ...place, view, board: uid, name: null }),
        "aria-current": place.view === view ? "page" : null,
        onclick: (/** @type {MouseEvent} */ event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          go({ view, board: uid, name: null });
        },
      },
      say(view === "board" ? "boards" : view),
    ),
  );
  fill(
    header,
    h(
      "a",
      {
        class: "skip",
        href: "#content",
        onclick: (/** @type {Event} */ event) => (event.preventDefault(), content.focus()),
      },
      say("skip"),
    ),
    h("strong", { class: "title" }, config.title ?? ""),
    h("nav", { "aria-label": say("menu") }, views),
    known.boards.length ? select : null,
    snapshot
      ? h("span", { class: "fixed" }, `${say("snapshot")} ${momentText(snapshot.taken * 1000, false)}`)
      : null,
    h("span", { class: "gap" }),
    config.links?.prometheus ? anchor(config.links.prometheus, ["Prometheus"]) : null,
    h(
      "button",
      {
        type: "button",
        onclick: () => change("theme", theme() === "dark" ? "light" : "dark"),
        "aria-label": say("theme"),
        title: say("theme"),
      },
      theme() === "dark" ? "☀" : "☾",
    ),
    h(
      "button",
      {
        type: "button",
        onclick: () => change("lang", language() === "ko" ? "en" : "ko"),
        lang: language() === "ko" ? "en" : "ko",
      },
      say("language"),
    ),
  );
}

/** @param {"theme" | "lang"} key @param {string} value */
function change(key, value) {
  keep(key, value);
  go({ [key]: value });
}

/**
 * A click beside an open box closes it, and so does Escape, which leads back to its name.
 * @param {Event} event
 */
function close(event) {
  for (const open of document.querySelectorAll("details.choice[open], details.menu[open]")) {
    const away =
      event instanceof KeyboardEvent
        ? event.key === "Escape"
        : !open.contains(/** @type {Node} */ (event.target));
    if (!away) continue;
    open.removeAttribute("open");
    if (event instanceof KeyboardEvent) open.querySelector("summary")?.focus();
  }
}

async function begin() {
  document.body.append(header, banner, bar, content);
  addEventListener("popstate", () => {
    place = read(location.search);
    void show();
  });
  document.addEventListener("click", close);
  document.addEventListener("keydown", close);
  dark.addEventListener("change", () => void show());
  speak(place.lang ?? kept("lang") ?? "en");
  const nothing = { runbooks: [] };
  const listed = snapshot
    ? {
        runbooks: Object.keys(snapshot.answers).flatMap((key) =>
          key.startsWith("api/runbooks/") ? [{ name: key.slice(13) }] : [],
        ),
      }
    : ask("api/runbooks").catch(() => nothing);
  try {
    const [settings, boards, books] = await Promise.all([ask("api/config"), ask("api/boards"), listed]);
    config = settings;
    known = { boards: boards.boards ?? [], problems: boards.problems ?? [] };
    runbooks = books.runbooks.map((/** @type {any} */ { name }) => name);
    await show();
  } catch (error) {
    fill(content, failure(error));
    root.dataset.ready = "true";
  }
}

void begin();
