// Signing in: a workspace token reads the log, an admin's JWT manages tokens. Both are only in this page's memory.

import { Api, Problem, authorization } from "./api.js";
import { html, nothing } from "./lit-html/lit-html.js";
import { plural } from "./words.js";

export class SignIn {
  #workspace;
  #wanted;
  #done;
  #update;
  #problem;
  #isBusy = false;
  #waiting = 0;
  #hasFocused = false;

  /** `done` is called with the API of the workspace and `token` or `admin`; `reason` says why one has to sign in again. */
  constructor({ workspace, view, reason, done, update }) {
    [this.#workspace, this.#wanted, this.#done, this.#update] = [workspace, view === "tokens" ? "admin" : "token", done, update];
    this.#problem = reason;
  }

  view() {
    const isAdmin = this.#wanted === "admin";
    return html`<form class="signin" @submit=${(event) => this.#submit(event)}>
      <h1>${isAdmin ? "Manage workspace tokens" : "Read the audit log"}</h1>
      <p>${isAdmin
        ? "Paste a JWT of an admin of the workspace, as your product's identity provider issues it."
        : "Paste a workspace token. An admin of the workspace makes them; each reads its own workspace only."}
        It is kept in the memory of this page and ends with it: after a reload you sign in again.</p>
      <label class="field">Workspace
        <input name="workspace" required autocomplete="organization" autocapitalize="none" spellcheck="false" .value=${this.#workspace}
          pattern="[a-z0-9][a-z0-9_\\-]{0,62}" title="Lower-case letters, digits, - and _" placeholder="acme" /></label>
      <label class="field">${isAdmin ? "Admin JWT" : "Workspace token"}
        <input name="credential" required type="password" autocomplete="off" spellcheck="false"
          placeholder=${isAdmin ? "eyJ…" : "alw_… or token:secret"} @change=${guess} /></label>
      ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
      ${this.#waiting > 0 ? html`<p class="waiting" role="status">The API asks for a pause of ${plural(this.#waiting, "second")}; it goes on by itself.</p>` : nothing}
      <button class="primary" ?disabled=${this.#isBusy}>${this.#isBusy ? "Looking…" : isAdmin ? "Manage tokens" : "Open the log"}</button>
    </form>`;
  }

  /** Puts the focus on the first field, once. */
  placed() {
    if (this.#hasFocused) return;
    this.#hasFocused = true;
    const { workspace, credential } = document.querySelector("form.signin").elements;
    (workspace.value ? credential : workspace).focus();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#isBusy) return;
    const form = event.currentTarget;
    const pasted = form.elements.credential.value.trim();
    [this.#workspace, this.#problem] = [form.elements.workspace.value.trim(), undefined];
    if (this.#wanted === "token" && /^(bearer\s+)?eyJ/i.test(pasted)) {
      this.#problem = "That is a JWT, which manages tokens. Reading the log takes a workspace token; they begin with alw_.";
      this.#update();
      return;
    }
    this.#isBusy = true;
    this.#update();
    const api = new Api(this.#workspace, authorization(pasted), (seconds) => {
      this.#waiting = seconds;
      this.#update();
    });
    try {
      // Neither reads events, so an attempt leaves no record.
      await api.text(this.#wanted === "admin" ? "tokens" : "ledger/key");
      form.reset();
      this.#isBusy = false;
      this.#done(api, this.#wanted);
    } catch (error) {
      api.end();
      this.#problem = wrong(error, this.#wanted);
      this.#isBusy = false;
      this.#update();
      form.elements.credential.focus();
    }
  }
}

/** A JWT says in which workspace its holder is an admin. */
function guess({ target }) {
  const field = target.form.elements.workspace;
  if (!field.value) field.value = workspaceOf(target.value.trim());
}

function wrong(error, wanted) {
  if (!(error instanceof Problem)) return error.message;
  if (error.status === 404) return "These credentials do not open this workspace. Check its name.";
  if (error.isOfCredential) {
    return wanted === "admin"
      ? "The JWT is not accepted: it is expired, or of another issuer. Ask your identity provider for a new one."
      : "The token is not accepted: it is mistyped, revoked or expired. Ask an admin of the workspace for another.";
  }
  return error.message;
}

function workspaceOf(jwt) {
  try {
    const { workspace } = JSON.parse(atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return typeof workspace === "string" ? workspace : "";
  } catch {
    return "";
  }
}
