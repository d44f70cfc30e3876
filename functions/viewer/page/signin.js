// Signing in: a workspace token reads the log, an admin's JWT manages tokens. Both are kept in this page's memory alone.

import { Api, Problem } from "./api.js";
import { html, nothing, render } from "./lit-html/lit-html.js";

/** Shows the form in `element`; `done` is called with the API of the workspace and `token` or `admin`. */
export function signIn(element, { workspace, view, done, onWait }) {
  let problem;
  let isBusy = false;
  const wanted = view === "tokens" ? "admin" : "token";
  const draw = () => {
    render(html`<form class="signin" @submit=${submit}>
      <h1>${wanted === "admin" ? "Manage workspace tokens" : "Read the audit log"}</h1>
      <p>${wanted === "admin"
        ? "Paste a JWT of an admin of the workspace, as your product's identity provider issues it."
        : "Paste a workspace token. An admin of the workspace makes them; each reads its own workspace and no other."}
        It is kept in the memory of this page and ends with it.</p>
      <label class="field">Workspace
        <input name="workspace" required autocomplete="organization" autocapitalize="none" spellcheck="false" .value=${workspace}
          pattern="[a-z0-9][a-z0-9_\\-]{0,62}" title="Lower-case letters, digits, - and _" placeholder="acme" /></label>
      <label class="field">${wanted === "admin" ? "Admin JWT" : "Workspace token"}
        <input name="credential" required type="password" autocomplete="off" spellcheck="false"
          placeholder=${wanted === "admin" ? "eyJ…" : "alw_…"} @change=${guess} /></label>
      ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
      <button class="primary" ?disabled=${isBusy}>${isBusy ? "Looking…" : wanted === "admin" ? "Manage tokens" : "Open the log"}</button>
    </form>`, element);
  };

  /** A JWT says whose admin it is of. */
  function guess({ target }) {
    const field = target.form.elements.workspace;
    if (!field.value) field.value = workspaceOf(target.value.trim());
  }

  async function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const credential = form.elements.credential.value.trim();
    [workspace, problem] = [form.elements.workspace.value.trim(), undefined];
    if (wanted === "token" && credential.startsWith("eyJ")) {
      problem = "That is a JWT, which manages tokens. Reading the log takes a workspace token; they begin with alw_.";
      draw();
      return;
    }
    isBusy = true;
    draw();
    const api = new Api(workspace, credential, onWait);
    try {
      // Neither is a read of events, so that a try leaves no record.
      await api.text(wanted === "admin" ? "tokens" : "ledger/key");
      form.reset();
      done(api, wanted);
    } catch (error) {
      problem = wrong(error, wanted);
      isBusy = false;
      draw();
      form.elements.credential.focus();
    }
  }

  draw();
  const { workspace: first, credential } = element.querySelector("form").elements;
  (workspace ? credential : first).focus();
}

function wrong(error, wanted) {
  if (!(error instanceof Problem)) return `The API cannot be reached: ${error.message}`;
  if (error.status === 404) return "These credentials do not open this workspace. Check its name.";
  if (error.isOfCredential && !error.id) {
    return wanted === "admin"
      ? "The JWT is not accepted: it is expired, or of another issuer."
      : "The token is not accepted: it is mistyped, revoked or expired.";
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
