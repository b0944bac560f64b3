/** Everything that the page asks: of its server, or of the snapshot that it was saved with. */

/**
 * @typedef {{version: number, taken: number, board: string, ranges: Record<string, {from: number, to: number}>,
 * answers: Record<string, any>, variables?: Record<string, Record<string, string[]>>}} Snapshot
 */
/**
 * @typedef {{place?: string, signal?: AbortSignal}} How `place` names the answer in a snapshot, where the
 * path does not.
 */

/** An answer that is none: `kind` is Prometheus's errorType, or "unreachable" where nobody answered. */
export class AskError extends Error {
  /** @param {string} kind @param {string} message */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const saved = globalThis.document?.getElementById("snapshot")?.textContent;
/** @type {Snapshot | null} */
export const snapshot = saved ? JSON.parse(saved) : null;

/**
 * The answer's JSON. Throws AskError.
 * @param {string} path
 * @param {[string, string][]} [parameters]
 * @param {How} [how]
 * @returns {Promise<any>}
 */
export async function ask(path, parameters = [], { place, signal } = {}) {
  const body = snapshot ? fromSnapshot(place ?? path) : await fetched(path, parameters, signal);
  if (body?.status === "error") throw new AskError(body.errorType ?? "error", body.error ?? "");
  return body;
}

/**
 * What Prometheus answers: its data, and its warnings.
 * @param {string} path
 * @param {[string, string][]} parameters
 * @param {How} how
 * @returns {Promise<{data: any, warnings: string[]}>}
 */
export async function askPrometheus(path, parameters, how) {
  const { data, warnings = [] } = await ask(`api/prometheus/${path}`, parameters, how);
  return { data, warnings };
}

/** @param {string} key */
function fromSnapshot(key) {
  const answers = /** @type {Snapshot} */ (snapshot).answers;
  if (!Object.hasOwn(answers, key)) throw new AskError("not_found", "not in this snapshot");
  return answers[key];
}

/** @param {string} path @param {[string, string][]} parameters @param {AbortSignal} [signal] */
async function fetched(path, parameters, signal) {
  const form = new URLSearchParams(parameters);
  const url = new URL(path, document.baseURI);
  const long = String(form).length > 1500;
  if (!long) url.search = String(form);
  const answer = await fetch(url, { signal, ...(long && { method: "POST", body: form }) }).catch((error) => {
    throw error.name === "AbortError"
      ? error
      : new AskError("unreachable", "the page's server does not answer");
  });
  return answer.json().catch(() => {
    throw new AskError("unreachable", `HTTP ${answer.status}`);
  });
}
