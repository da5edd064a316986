// The service's answers, or why there was none.

const MOST_TRIES = 4;

/** An answer that is not what was asked for, or none at all (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * The address of one of the service's routes, wherever the page lies.
 * @param {string} path
 */
export function address(path, query = new URLSearchParams()) {
  const url = new URL(path, document.baseURI);
  url.search = String(query);
  return url;
}

/**
 * What a route answers. Raises Problem; a call that came too soon waits its turn.
 * @param {string | URL} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(url, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(url, { cache: "no-store", ...options }).catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "The service does not answer.");
    });
    if (answer.ok) return answer;
    if (answer.status !== 429 || attempt === MOST_TRIES) throw await problem(answer);
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((done) => setTimeout(done, seconds * 1000));
  }
}

/**
 * The JSON that a route answers. Raises Problem.
 * @param {string} path
 * @param {URLSearchParams} [query]
 * @param {RequestInit} [options]
 */
export async function read(path, query, options) {
  return (await ask(address(path, query), options)).json();
}

/**
 * The JSON that a route answers to some. Raises Problem.
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 */
export async function send(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(address(path), { method, headers, body: JSON.stringify(body) })).json();
}

/** @param {Response} answer */
async function problem(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body.detail ?? body.title ?? `It answered ${answer.status}.`);
}
