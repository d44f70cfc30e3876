// The API, as one holder of a credential sees it. The credential stays in this object: it is written nowhere.

const RETRIES = 6;
const LONGEST_WAIT_SECONDS = 30;

/** What the API refuses, in its own words. */
export class Problem extends Error {
  constructor(status, body) {
    const details = (body?.errors ?? []).map((error) => `${error.parameter ?? error.pointer} ${error.detail}`);
    super([body?.message ?? body?.title ?? `The API answered ${status}.`, ...details].join(" "));
    this.status = status;
    this.id = body?.id;
  }

  /** Whether the credential is refused, rather than what was asked with it. */
  get isOfCredential() {
    return this.status === 401 || this.status === 403;
  }
}

export class Api {
  #credential;

  /** `onWait` hears how many seconds the API asked us to wait, and 0 when the wait is over. */
  constructor(workspace, credential, onWait = () => {}) {
    this.workspace = workspace;
    this.#credential = credential;
    this.onWait = onWait;
  }

  /** The answer to `GET /api/{workspace}/{path}`, as JSON. */
  async json(path, query, options) {
    return (await this.send("GET", path, query, options)).json();
  }

  /** The answer as text, and its headers. */
  async text(path, query, options) {
    const answer = await this.send("GET", path, query, options);
    return { text: await answer.text(), headers: answer.headers };
  }

  /** Sends a request. Where the API asks to come again later it does, as late as it is asked to. */
  async send(method, path, query = new URLSearchParams(), { signal, body } = {}) {
    const parameters = query.toString();
    const url = `api/${encodeURIComponent(this.workspace)}/${path}${parameters && `?${parameters}`}`;
    const headers = { authorization: `Bearer ${this.#credential}` };
    if (body) headers["content-type"] = "application/json";
    const request = {
      method, headers, signal, body: body && JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error",
    };
    for (let attempt = 0; ; attempt += 1) {
      const answer = await fetch(url, request);
      if (answer.ok) return answer;
      const later = answer.status === 429 || answer.status === 503;
      if (later && attempt < RETRIES) {
        const asked = Number(answer.headers.get("retry-after")) || 1;
        await this.#wait(Math.min(Math.max(asked, 1), LONGEST_WAIT_SECONDS), signal);
        continue;
      }
      throw new Problem(answer.status, await answer.json().catch(() => null));
    }
  }

  async #wait(seconds, signal) {
    this.onWait(seconds);
    try {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, seconds * 1000);
        signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
      });
    } finally {
      this.onWait(0);
    }
  }
}
