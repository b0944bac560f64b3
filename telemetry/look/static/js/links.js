/**
 * Addresses out of boards, texts and answers are data: only pages of the web and of this server are followed.
 */

/**
 * The address to follow, or null: `http:`, `https:`, or relative to the page, which may be a file itself.
 * @param {string | undefined | null} address
 * @param {string} base
 */
export function safe(address, base) {
  const text = (address ?? "").trim();
  if (!text || /[\u0000-\u001f]/.test(text) || text.startsWith("//") || text.startsWith("\\")) return null;
  try {
    const url = new URL(text, base);
    if (url.protocol === "file:" && url.href.split(/[?#]/)[0] === base.split(/[?#]/)[0]) return url.href;
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * The runbook that an address names: the last part of its path, `NAME.md` or `NAME`, where a runbook has this
 * name.
 * @param {string} address
 * @param {Iterable<string>} names
 */
export function runbookOf(address, names) {
  const last = /([\w-]+)(?:\.md)?(?:[?#].*)?$/.exec(address)?.[1];
  return last && [...names].includes(last) ? last : null;
}

/**
 * The language that a link between runbooks asks for: `ko/NAME.md` or `../NAME.md`; null keeps the reader's.
 * @param {string} address
 */
export function languageOf(address) {
  if (/^ko\/[\w-]+\.md$/.test(address)) return "ko";
  return /^\.\.\/[\w-]+\.md$/.test(address) ? "en" : null;
}

/**
 * The trace's address, where one is configured.
 * @param {string | null} pattern `https://.../{trace_id}`
 * @param {string} id
 * @param {string} base
 */
export const traceLink = (pattern, id, base) =>
  pattern && /^[\w-]+$/.test(id) ? safe(pattern.replace("{trace_id}", encodeURIComponent(id)), base) : null;
