/** Work in pieces, so that no piece keeps the page from answering its reader. */

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();

let last = Promise.resolve();

/** Resolves in a task of its own, behind everybody who asked before. */
export function turn() {
  last = last.then(
    () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        channel.port2.postMessage(null);
      }),
  );
  return last;
}

/**
 * What `change` puts in the place of the focused element inside has the focus afterwards: the one at its place.
 * @param {HTMLElement} element
 * @param {() => void} change
 */
export function keepFocus(element, change) {
  const all = () =>
    /** @type {HTMLElement[]} */ ([
      ...element.querySelectorAll("button, a, summary, input, select, [tabindex]"),
    ]);
  const place = element.contains(document.activeElement)
    ? all().indexOf(/** @type {HTMLElement} */ (document.activeElement))
    : -1;
  change();
  if (place >= 0 && !element.contains(document.activeElement)) all()[place]?.focus({ preventScroll: true });
}
