// The tokens of a workspace, for its admins: who may read the log, and who does.

import { html, nothing, render } from "./lit-html/lit-html.js";
import { announce, plural, second } from "./words.js";

const DAY = 86_400_000;

/** Shows the tokens in `element`; `failed` hears of a problem that is not of the form. */
export async function showTokens(element, api, failed) {
  let tokens;
  let created;
  let problem;
  let revoking;

  const load = async () => {
    try {
      tokens = (await api.json("tokens")).tokens.reverse();
    } catch (error) {
      failed(error);
    }
  };
  const draw = () => render(html`<div class="admin">
    <section class="card" aria-labelledby="new-token"><h1 id="new-token">New token</h1>
      <form @submit=${create}>
        <label class="field">Name<input name="name" required maxlength="128" autocomplete="off" placeholder="siem" /></label>
        <fieldset><legend>May</legend>
          <label class="value"><input type="checkbox" name="scope" value="audit_log:read" checked /><span>read the log</span></label>
          <label class="value"><input type="checkbox" name="scope" value="audit_log:write" /><span>record events</span></label></fieldset>
        <label class="field">Good for<select name="days">
          ${[30, 90, 365, 730].map((days) => html`<option value=${days} ?selected=${days === 365}>${days} days</option>`)}</select></label>
        <button class="primary">Create</button>
      </form>
      ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
      ${created ? html`<div class="created" role="alert" tabindex="-1"><p><b>${created.name}</b> is made. This is shown once; nobody can show it again.</p>
        <pre tabindex="0" aria-label="The new token">${created.bearer}</pre>
        <button @click=${copy}>Copy</button> <button @click=${() => { created = undefined; draw(); }}>I have it</button></div>` : nothing}
    </section>
    <section class="card" aria-labelledby="tokens"><h2 id="tokens">${tokens ? plural(tokens.length, "token") : "Tokens"} of ${api.workspace}</h2>
      <div class="scroll" role="region" aria-labelledby="tokens" tabindex="0"><table>
        <thead><tr><th scope="col">Name</th><th scope="col">Token</th><th scope="col">May</th><th scope="col">State</th>
          <th scope="col">Expires</th><th scope="col">Last used</th><th scope="col">Made by</th><th scope="col"><span class="visually-hidden">Revoke</span></th></tr></thead>
        <tbody>${(tokens ?? []).map(row)}</tbody></table></div>
      ${tokens?.length === 0 ? html`<p class="none">There is none yet.</p>` : nothing}</section></div>`, element);

  const row = (token) => {
    const { token: id, name, scopes, created_by, expires_at, revoked_at, last_used_on } = token;
    const state = revoked_at ? "revoked" : Date.parse(expires_at) <= Date.now() ? "expired" : "live";
    return html`<tr class=${state}><th scope="row">${name}</th><td><code>${id}</code></td>
      <td>${scopes.map((scope) => scope.replace("audit_log:", "")).join(", ")}</td>
      <td><span class="state ${state}">${state}</span></td><td>${second(expires_at).slice(0, 10)}</td><td>${last_used_on ?? "never"}</td><td>${created_by}</td>
      <td>${state !== "live" ? nothing : revoking === id
        ? html`<button class="danger" @click=${() => revoke(token)}>Revoke for ever</button>
            <button @click=${() => { revoking = undefined; draw(); }}>Keep</button>`
        : html`<button @click=${() => { revoking = id; draw(); }}>Revoke<span class="visually-hidden"> ${name}</span></button>`}</td></tr>`;
  };

  async function create(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const scopes = [...form.querySelectorAll("[name=scope]:checked")].map((box) => box.value);
    const expires_at = new Date(Date.now() + Number(form.elements.days.value) * DAY).toISOString();
    [problem, created] = [undefined, undefined];
    try {
      if (scopes.length === 0) throw new Error("Choose what it may do.");
      const answer = await api.send("POST", "tokens", undefined, { body: { name: form.elements.name.value.trim(), scopes, expires_at } });
      created = await answer.json();
      form.reset();
      await load();
    } catch (error) {
      problem = error.message;
    }
    draw();
    element.querySelector(".created")?.focus();
  }

  async function revoke({ token, name }) {
    revoking = undefined;
    try {
      await api.send("DELETE", `tokens/${encodeURIComponent(token)}`);
      announce(`${name} is revoked; within a minute it opens nothing`);
      await load();
    } catch (error) {
      problem = error.message;
    }
    draw();
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(created.bearer);
      announce("Copied");
    } catch {
      announce("The browser did not let it be copied");
    }
  }

  await load();
  draw();
}
