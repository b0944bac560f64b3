/** What the page shows, as its address holds it: to be sent to somebody, and to go back to. */

/**
 * @typedef {{view: string, board: string | null, name: string | null, from: string | null, to: string | null,
 * refresh: string | null,   variables: Record<string, string[]>, theme: string | null, lang: string | null,
 * print: boolean}} Place
 */

/** @param {string} search @returns {Place} */
export function read(search) {
  const given = new URLSearchParams(search);
  /** @type {Record<string, string[]>} */
  const variables = {};
  for (const [key, value] of given) if (key.startsWith("var-")) (variables[key.slice(4)] ??= []).push(value);
  const one = (/** @type {string} */ key) => given.get(key);
  return {
    view: one("view") ?? "board",
    board: one("board"),
    name: one("name"),
    from: one("from"),
    to: one("to"),
    refresh: one("refresh"),
    variables,
    theme: one("theme"),
    lang: one("lang"),
    print: one("print") === "1",
  };
}

/** @param {Place} place */
export function written({ variables, print, view, ...rest }) {
  const made = new URLSearchParams();
  if (view !== "board") made.set("view", view);
  for (const [key, value] of Object.entries(rest)) if (value !== null) made.set(key, value);
  for (const [name, values] of Object.entries(variables))
    for (const value of values) made.append(`var-${name}`, value);
  if (print) made.set("print", "1");
  return `?${made}`;
}
