// The tokens of a workspace, for its admins: the name, scopes and state of each, and a form for a new one.

import { html, nothing } from "./lit-html/lit-html.js";
import { announce, copy, plural, second, visible } from "./words.js";

const DAY = 86_400_000;

export class Tokens {
  #api;
  #expired;
  #update;
  #tokens;
  #problem;
  #formProblem;
  #created;
  #revoking;
  #isCreating = false;
  #isLoading = false;
  #wantsFocus;

  /** `expired` is called when the credential is refused. */
  constructor({ api, expired, update }) {
    [this.#api, this.#expired, this.#update] = [api, expired, update];
    this.#load();
  }

  get api() {
    return this.#api;
  }

  view() {
    return html`<div class="admin">
    <section class="card" aria-labelledby="new-token"><h1 id="new-token">New token</h1>
      <form @submit=${(event) => this.#create(event)}>
        <label class="field">Name<input name="name" required maxlength="128" autocomplete="off" placeholder="siem" /></label>
        <fieldset><legend>May</legend>
          <label class="value"><input type="checkbox" name="scope" value="audit_log:read" checked /><span>read the log</span></label>
          <label class="value"><input type="checkbox" name="scope" value="audit_log:write" /><span>record events</span></label></fieldset>
        <label class="field">Good for<select name="days">
          ${[30, 90, 365, 730].map((days) => html`<option value=${days} ?selected=${days === 365}>${days} days</option>`)}</select></label>
        <button class="primary" ?disabled=${this.#isCreating}>${this.#isCreating ? "Creating…" : "Create"}</button>
      </form>
      ${this.#formProblem ? html`<p class="problem" role="alert">${this.#formProblem}</p>` : nothing}
      ${this.#created ? html`<div class="created" role="alert" tabindex="-1"><p><b>${visible(this.#created.name)}</b> is made. This is shown once and cannot be shown again.</p>
        <pre tabindex="0" aria-label="The new token">${this.#created.bearer}</pre>
        <button @click=${() => copy(this.#created.bearer)}>Copy</button> <button @click=${() => { this.#created = undefined; this.#update(); }}>I have it</button></div>` : nothing}
    </section>
    <section class="card" aria-labelledby="tokens"><h2 id="tokens">${this.#tokens ? plural(this.#tokens.length, "token") : "Tokens"} of ${this.#api.workspace}</h2>
      ${this.#problem ? html`<p class="problem" role="alert">${this.#problem} <button @click=${() => this.#load()}>Try again</button></p>` : nothing}
      ${this.#tokens?.length > 0 ? html`<div class="scroll" role="region" aria-labelledby="tokens" tabindex="0"><table class="tokens">
        <thead><tr>${["Name", "Token", "May", "State", "Expires", "Last used", "Made by"].map((name) => html`<th scope="col">${name}</th>`)}
          <th scope="col"><span class="visually-hidden">Revoke</span></th></tr></thead>
        <tbody>${this.#tokens.map((token) => this.#row(token))}</tbody></table></div>` : nothing}
      ${this.#isLoading && !this.#tokens ? html`<p class="none">Loading…</p>` : nothing}
      ${this.#tokens?.length === 0 ? html`<p class="none">There is none yet: create one above.</p>` : nothing}</section></div>`;
  }

  placed() {
    if (!this.#wantsFocus) return;
    document.querySelector(this.#wantsFocus)?.focus();
    this.#wantsFocus = undefined;
  }

  #row(token) {
    const { token: id, name, scopes, created_by, expires_at, revoked_at, last_used_on } = token;
    const state = revoked_at ? "revoked" : Date.parse(expires_at) <= this.#api.now() ? "expired" : "live";
    const cell = (label, content) => html`<td data-label=${label}>${content}</td>`;
    return html`<tr class=${state}><th scope="row">${visible(name)}</th>${cell("Token", html`<code>${id}</code>`)}
      ${cell("May", scopes.map((scope) => scope.replace("audit_log:", "")).join(", "))}
      ${cell("State", html`<span class="state ${state}">${state}</span>`)}${cell("Expires", second(expires_at).slice(0, 10))}
      ${cell("Last used", last_used_on ?? "never")}${cell("Made by", visible(created_by ?? ""))}
      <td>${revoked_at ? nothing : this.#revoking === id
        ? html`<button class="danger" id="sure-${id}" @click=${() => this.#revoke(token)}>Revoke permanently</button>
            <button @click=${() => { [this.#revoking, this.#wantsFocus] = [undefined, `#revoke-${id}`]; this.#update(); }}>Keep</button>`
        : html`<button id="revoke-${id}" @click=${() => { [this.#revoking, this.#wantsFocus] = [id, `#sure-${id}`]; this.#update(); }}>Revoke<span class="visually-hidden"> ${name}</span></button>`}</td></tr>`;
  }

  async #load() {
    [this.#isLoading, this.#problem] = [true, undefined];
    this.#update();
    try {
      this.#tokens = (await this.#api.json("tokens")).tokens.reverse();
    } catch (error) {
      if (this.#isOver(error)) return;
      this.#problem = `The tokens could not be listed. ${error.message}`;
    }
    this.#isLoading = false;
    this.#update();
  }

  async #create(event) {
    event.preventDefault();
    if (this.#isCreating) return;
    const form = event.currentTarget;
    const scopes = [...form.querySelectorAll("[name=scope]:checked")].map((box) => box.value);
    const expires_at = new Date(this.#api.now() + Number(form.elements.days.value) * DAY).toISOString();
    const body = { name: form.elements.name.value.trim(), scopes, expires_at };
    [this.#formProblem, this.#created] = [scopes.length === 0 ? "Choose what it may do." : undefined, undefined];
    this.#isCreating = scopes.length > 0;
    this.#update();
    if (!this.#isCreating) return;
    try {
      const { text } = await this.#api.send("POST", "tokens", undefined, { body });
      [this.#created, this.#wantsFocus] = [JSON.parse(text), ".created"];
      form.reset();
    } catch (error) {
      if (this.#isOver(error)) return;
      this.#formProblem = error.status && error.status < 500 ? error.message
        : `${error.message} It was not sent again: look below whether the token is there, and revoke it if you were not shown it.`;
    }
    this.#isCreating = false;
    await this.#load();
  }

  async #revoke({ token, name }) {
    this.#revoking = undefined;
    this.#update();
    try {
      await this.#api.send("DELETE", `tokens/${encodeURIComponent(token)}`);
      announce(`${name} is revoked; within a minute it opens nothing`);
      await this.#load();
    } catch (error) {
      if (this.#isOver(error)) return;
      this.#problem = `${name} was not revoked. ${error.message}`;
      this.#update();
    }
  }

  #isOver(error) {
    if (error.name === "AbortError") return true;
    if (error.isOfCredential) this.#expired();
    return Boolean(error.isOfCredential);
  }
}
