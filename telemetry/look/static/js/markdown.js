/** Markdown as a tree of what it says: data, so that nothing in a text becomes markup of the page. */

/** @typedef {string | {tag: string, children: Node[], href?: string}} Node */

const FENCE = /^ {0,3}(```|~~~)\s*\S*\s*$/;
const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const INLINE = new RegExp(
  [
    /(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/,
    /\*\*(?=\S)([\s\S]+?\S?)\*\*|__(?=\S)([\s\S]+?)__/,
    /\*(?=[^\s*])([\s\S]+?)\*|(?<!\w)_(?=[^\s_])([\s\S]+?)_(?!\w)/,
    /~~([\s\S]+?)~~/,
    /!?\[((?:[^[\]]|\[[^\]]*\])*)\]\((\S+?)(?:\s+"[^"]*")?\)/,
    /<(https?:\/\/[^>\s]+)>/,
    /\\([!-/:-@[-`{-~])/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/** @param {string} tag @param {Node[]} children @param {string} [href] @returns {Node} */
const node = (tag, children, href) => ({ tag, children, ...(href !== undefined && { href }) });

/** @param {string} text @returns {Node[]} */
export function parse(text) {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"));
}

/** @param {string[]} lines @returns {Node[]} */
function blocks(lines) {
  /** @type {Node[]} */
  const made = [];
  for (let at = 0; at < lines.length;) {
    const [found, next] = block(lines, at);
    if (found) made.push(found);
    at = next;
  }
  return made;
}

/**
 * The block that begins here, and where the next one does.
 * @param {string[]} lines
 * @param {number} at
 * @returns {[Node | null, number]}
 */
function block(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fenced(lines, at);
  const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
  if (heading) return [node(`h${heading[1].length}`, inline(heading[2])), at + 1];
  if (RULE.test(line)) return [node("hr", []), at + 1];
  if (/^ {0,3}>/.test(line)) return quoted(lines, at);
  if (LIST.test(line)) return listed(lines, at);
  if (
    line.includes("|") &&
    /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? "") &&
    lines[at + 1].includes("-")
  )
    return tabled(lines, at);
  return paragraph(lines, at);
}

/** @param {string[]} lines @param {number} at @returns {[Node, number]} */
function fenced(lines, at) {
  const mark = /** @type {RegExpExecArray} */ (FENCE.exec(lines[at]))[1];
  let end = at + 1;
  while (end < lines.length && !lines[end].trimStart().startsWith(mark)) end++;
  return [node("pre", [node("code", [lines.slice(at + 1, end).join("\n")])]), end + 1];
}

/** @param {string[]} lines @param {number} at @returns {[Node, number]} */
function quoted(lines, at) {
  let end = at;
  while (end < lines.length && /^ {0,3}>/.test(lines[end])) end++;
  return [
    node("blockquote", blocks(lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, "")))),
    end,
  ];
}

/**
 * Items of one list; what is indented below an item belongs to it.
 * @param {string[]} lines
 * @param {number} at
 * @returns {[Node, number]}
 */
function listed(lines, at) {
  const [, indent, mark] = /** @type {RegExpExecArray} */ (LIST.exec(lines[at]));
  const ordered = /\d/.test(mark);
  /** @type {string[][]} */
  const items = [];
  let end = at;
  for (; end < lines.length; end++) {
    const found = LIST.exec(lines[end]);
    if (found && found[1].length <= indent.length) {
      if (/\d/.test(found[2]) !== ordered) break;
      items.push([found[3]]);
    } else if (
      /^\s+\S/.test(lines[end]) ||
      (lines[end].trim() && lines[end - 1].trim() && !starts(lines[end]))
    ) {
      items[items.length - 1].push(
        lines[end].replace(new RegExp(`^\\s{0,${indent.length + mark.length + 1}}`), ""),
      );
    } else if (!lines[end].trim() && /^(\s+\S|\s*([-*+]|\d+[.)])\s)/.test(lines[end + 1] ?? ""))
      items[items.length - 1].push("");
    else break;
  }
  return [
    node(
      ordered ? "ol" : "ul",
      items.map((item) => node("li", tight(blocks(item)))),
    ),
    end,
  ];
}

/** An item of one paragraph is its text. @param {Node[]} nodes @returns {Node[]} */
const tight = (nodes) =>
  nodes.flatMap((one, at) => (at === 0 && typeof one !== "string" && one.tag === "p" ? one.children : [one]));

/** @param {string} line */
const starts = (line) =>
  FENCE.test(line) || /^ {0,3}(#{1,6}\s|>)/.test(line) || LIST.test(line) || RULE.test(line);

/** @param {string} line */
const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

/** @param {string[]} lines @param {number} at @returns {[Node, number]} */
function tabled(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].trim() && lines[end].includes("|")) end++;
  const row = (/** @type {string} */ line, /** @type {string} */ tag) =>
    node(
      "tr",
      cells(line).map((cell) => node(tag, inline(cell))),
    );
  return [
    node("table", [
      node("thead", [row(lines[at], "th")]),
      node(
        "tbody",
        lines.slice(at + 2, end).map((line) => row(line, "td")),
      ),
    ]),
    end,
  ];
}

/** @param {string[]} lines @param {number} at @returns {[Node, number]} */
function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !starts(lines[end])) end++;
  return [node("p", inline(lines.slice(at, end).join("\n"))), end];
}

/** @param {string} text @returns {Node[]} */
export function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return text ? [text] : [];
  const before = text.slice(0, found.index);
  return [...(before ? [before] : []), piece(found), ...inline(text.slice(found.index + found[0].length))];
}

/** @param {RegExpExecArray} found @returns {Node} */
function piece([whole, ticks, code, bold, bold2, italic, italic2, struck, label, href, address, escaped]) {
  if (ticks) return node("code", [code.trim()]);
  if (bold ?? bold2) return node("strong", inline(bold ?? bold2));
  if (italic ?? italic2) return node("em", inline(italic ?? italic2));
  if (struck) return node("del", inline(struck));
  if (href) return whole.startsWith("!") ? label : node("a", inline(label), href);
  return address ? node("a", [address], address) : escaped;
}
