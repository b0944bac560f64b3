/** Markdown on the page. */

import { snapshot } from "./api.js";
import { h } from "./dom.js";
import { safe } from "./links.js";
import { parse } from "./markdown.js";

/** @typedef {import("./markdown.js").Node} Written */

/**
 * @param {string} text
 * @param {(address: string) => string} [follow] makes an address of the page of one in the text
 */
export const prose = (text, follow = (address) => address) =>
  h(
    "div",
    { class: "prose" },
    parse(text).map((node) => made(node, follow)),
  );

/** @param {Written} node @param {(address: string) => string} follow @returns {Node | string} */
function made(node, follow) {
  if (typeof node === "string") return node;
  const children = node.children.map((child) => made(child, follow));
  if (node.tag === "a") return anchor(follow(node.href ?? ""), children);
  const tag = /** @type {keyof HTMLElementTagNameMap} */ (
    node.tag.replace(/^h([1-6])$/, (_, level) => `h${Math.min(6, Number(level) + 2)}`)
  );
  return node.tag === "pre" ? h(tag, { tabindex: 0 }, ...children) : h(tag, {}, ...children);
}

/**
 * A link where the address may be followed, else its words.
 * @param {string} address
 * @param {(Node | string)[]} children
 * @param {Record<string, any>} [attributes]
 */
export function anchor(address, children, attributes = {}) {
  const href = safe(address, document.baseURI);
  const inside = href?.startsWith(document.baseURI.split(/[?#]/)[0]);
  if (!href || (snapshot && !inside)) return h("span", attributes, ...children);
  return h(
    "a",
    { href, ...(!inside && { rel: "noopener noreferrer", target: "_blank" }), ...attributes },
    ...children,
  );
}
