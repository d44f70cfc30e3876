// A client of the API with one credential. The credential stays in this object until the session ends, and is never
// stored.

import { ambiguities } from "./json.js";

/** The address of the API: next to the folder of this file, for any address of the page. */
export const API = new URL("../api/", import.meta.url);
const RETRIES = 6;
const LONGEST_WAIT_SECONDS = 60;
const TIMEOUT_SECONDS = 30;
const NEXT_STEPS = { 500: "Try again; if it stays so, tell the operator.", 503: "Try again in a moment." };

/** The ambiguities in the text of an event that JSON parsers could read in two ways, by event. */
export const doubts = new WeakMap();

/** A refusal of the API, in its own words. */
export class Problem extends Error {
  constructor(status, body) {
    const details = (body?.errors ?? []).map((error) => `${error.parameter ?? error.pointer} ${error.detail}`);
    const next = body?.id ? [] : [NEXT_STEPS[status]].filter(Boolean);
    super([body?.message ?? body?.title ?? `The API answered ${status}.`, ...details, ...next].join(" "));
    this.status = status;
    this.id = body?.id;
  }

  /** True if the credential is refused, and not the request. */
  get isOfCredential() {
    return !this.id && (this.status === 401 || this.status === 403);
  }
}

/** There was no answer. */
export class Unreachable extends Error {}

export class Api {
  #credential;
  #session = new AbortController();
  #clockOffset = 0;

  /** `onWait` gets the rest of a wait that the API asked for, every second, and 0 when it is over. */
  constructor(workspace, credential, onWait = () => {}) {
    this.workspace = workspace;
    this.#credential = credential;
    this.onWait = onWait;
  }

  /** Aborted when the session ends. */
  get signal() {
    return this.#session.signal;
  }

  /** Ends the session: running requests stop, and no further request is possible. */
  end() {
    this.#session.abort();
    this.#credential = undefined;
    this.onWait = () => {};
  }

  /** The time by the server's clock, in milliseconds: the browser's clock may be wrong. */
  now() {
    return Date.now() + this.#clockOffset;
  }

  /** The answer to `GET /api/{workspace}/{path}`, as JSON. */
  async json(path, query, options) {
    const { text } = await this.text(path, query, options);
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Unreachable("The answer is not the API's: it is no JSON. Something between may have changed it; try again.");
    }
    for (const { path: [list, index], message } of ambiguities(text)) {
      const event = list === "event" ? value.event : list === "audit_logs" && value.audit_logs?.[index];
      if (!event || typeof event !== "object") throw new Error(`The API's answer could be read as two things: ${message}.`);
      doubts.set(event, message);
    }
    return value;
  }

  /** The answer as text, and its headers. */
  text(path, query, options) {
    return this.send("GET", path, query, options);
  }

  /** Sends a request. A GET is retried after the wait that the API asks for; other requests are sent once. */
  async send(method, path, query = new URLSearchParams(), { signal, body, timeoutSeconds = TIMEOUT_SECONDS } = {}) {
    const url = new URL(`${encodeURIComponent(this.workspace)}/${path}`, API);
    url.search = query.toString();
    for (let attempt = 0; ; attempt += 1) {
      const { answer, text } = await this.#once(method, url, signal, body, timeoutSeconds);
      if (answer.ok) return { text, headers: answer.headers };
      const seconds = this.#asked(answer);
      const isLater = answer.status === 429 || answer.status === 503;
      if (!isLater || method !== "GET" || attempt >= RETRIES || seconds > LONGEST_WAIT_SECONDS) {
        throw problemOf(answer.status, text, isLater && seconds > LONGEST_WAIT_SECONDS ? seconds : undefined);
      }
      await this.#wait(seconds, signal);
    }
  }

  async #once(method, url, signal, body, timeoutSeconds) {
    this.#session.signal.throwIfAborted();
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const headers = { authorization: this.#credential };
    if (body) headers["content-type"] = "application/json";
    try {
      const answer = await fetch(url, {
        method, headers, body: body && JSON.stringify(body),
        signal: AbortSignal.any([this.#session.signal, timeout, ...(signal ? [signal] : [])]),
        cache: "no-store", credentials: "omit", redirect: "error",
      });
      const date = Date.parse(answer.headers.get("date") ?? "");
      if (Number.isFinite(date)) this.#clockOffset = date - Date.now();
      return { answer, text: await answer.text() };
    } catch (error) {
      if (timeout.aborted && !signal?.aborted && !this.#session.signal.aborted) {
        throw new Unreachable(`The API did not answer within ${timeoutSeconds} seconds. Try again; if it stays so, tell the operator.`);
      }
      if (error.name === "AbortError") throw error;
      throw new Unreachable("The API cannot be reached. Look at your connection, and try again.");
    }
  }

  /** The wait that the API asks for, in seconds: given as a number, or as a date by its own clock. */
  #asked(answer) {
    const text = answer.headers.get("retry-after") ?? "";
    const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - this.now()) / 1000;
    return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1;
  }

  async #wait(seconds, signal) {
    const either = AbortSignal.any([this.#session.signal, ...(signal ? [signal] : [])]);
    try {
      for (let left = seconds; left > 0; left -= 1) {
        this.onWait(left);
        await new Promise((resolve, reject) => {
          const timer = setTimeout(resolve, 1000);
          either.addEventListener("abort", () => { clearTimeout(timer); reject(either.reason); }, { once: true });
        });
      }
    } finally {
      this.onWait(0);
    }
  }
}

function problemOf(status, text, seconds) {
  let body;
  try { body = JSON.parse(text); } catch { body = undefined; }
  const problem = new Problem(status, body);
  if (seconds !== undefined) problem.message += ` The API asks to come again in ${Math.ceil(seconds / 60)} minutes.`;
  return problem;
}

/** The `Authorization` header for a pasted credential: a bearer, `token:secret`, or a whole header. */
export function authorization(text) {
  const credential = text.trim().replace(/^authorization:\s*/i, "").replace(/^bearer\s+/i, "").replace(/^["']|["']$/g, "");
  if (/^basic\s/i.test(credential)) return credential;
  return credential.includes(":") ? `Basic ${btoa(credential)}` : `Bearer ${credential}`;
}
