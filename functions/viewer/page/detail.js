// One event, whole: who, what, from where, before and after, and whether the log proves it.

import { actionLabel, categoryLabel } from "./catalogue.js";
import { download } from "./export.js";
import { NotProved, verify } from "./ledger.js";
import { html, nothing, render } from "./lit-html/lit-html.js";
import { actorName, announce, count, entityName, isErased, plural, second } from "./words.js";

export class Detail {
  #api;
  #event;
  #search;
  #close;
  #verdict;
  #trustedKey = "";

  /** `search` is called with filters to show a history, `close` when the drawer is closed. */
  constructor({ search, close }) {
    [this.#search, this.#close] = [search, close];
    this.element = document.createElement("aside");
    this.element.className = "detail";
    this.element.hidden = true;
    this.element.setAttribute("aria-label", "The event");
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Shows an event, and goes to it. */
  open(api, event) {
    [this.#api, this.#event, this.#verdict] = [api, event, undefined];
    this.element.hidden = false;
    this.#draw();
    this.element.scrollTop = 0;
    this.element.querySelector("h2").focus();
  }

  close() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.#event = undefined;
    this.#close();
  }

  #draw() {
    const event = this.#event;
    const { actor, entity, context } = event;
    render(html`
      <header><h2 tabindex="-1">${actionLabel(event.action)}</h2>
        <button class="quiet" @click=${() => this.close()} aria-label="Close the event">✕</button></header>
      <p class="lead"><span class="outcome ${event.outcome}">${event.outcome === "failure" ? "Failure" : "Success"}</span>
        <time datetime=${event.timestamp}>${second(event.timestamp)} UTC</time></p>
      ${isErased(event, "description") ? html`<p><i class="erased">erased</i></p>` : event.description && event.description !== actionLabel(event.action) ? html`<p>${event.description}</p>` : nothing}
      ${this.#histories()}
      <h3>Who and from where</h3>
      ${isErased(event, "actor") ? this.#erased() : this.#pairs([
        ["Name", actorName(event)], ["User id", actor?.user_id], ["Kind", actor?.type], ["IP address", actor?.ip],
        ["User agent", actor?.user_agent],
        ["On behalf of", actor?.on_behalf_of && (actor.on_behalf_of.username || actor.on_behalf_of.user_id)],
      ])}
      <h3>To what</h3>
      ${isErased(event, "entity") ? this.#erased() : entity ? this.#pairs([
        ["Name", entity.entity_name], ["Type", entity.entity_type], ["Id", entity.entity_id],
      ]) : html`<p class="none">Nothing in particular.</p>`}
      <h3>Before and after</h3>
      ${isErased(event, "changes") ? this.#erased() : this.#changes()}
      <h3>Context</h3>
      ${isErased(event, "context") ? this.#erased() : Object.keys(context).length > 0
        ? this.#pairs(Object.entries(context).map(([name, value]) => [name, shown(value)]))
        : html`<p class="none">None was sent.</p>`}
      <h3>Proof</h3>
      ${this.#proof()}
      <h3>Record</h3>
      ${this.#pairs([
        ["Action", event.action], ["Category", categoryLabel(event.category)], ["Happened", event.timestamp],
        ["Received", event.received_at], ["Sequence", event.sequence === null ? "not sealed yet" : count(event.sequence)],
        ["Event id", event.id], ["Workspace", event.workspace_username],
      ])}
      <details class="raw"><summary>The event as JSON</summary>
        <pre tabindex="0" aria-label="The event as JSON">${JSON.stringify(event, null, 2)}</pre>
        <button @click=${() => this.#copy()}>Copy</button></details>`, this.element);
  }

  #histories() {
    const { actor, entity, context } = this.#event;
    const button = (label, filters) => html`<button @click=${() => this.#search(filters)}>${label}</button>`;
    return html`<div class="histories">
      ${actor?.user_id ? button(`History of ${actorName(this.#event)}`, { actor: actor.user_id }) : nothing}
      ${entity ? button(`History of ${entityName(this.#event)}`, { entity_type: entity.entity_type, entity_id: entity.entity_id }) : nothing}
      ${typeof context?.correlation_id === "string" ? button("What belongs to it", { correlation_id: context.correlation_id }) : nothing}
    </div>`;
  }

  #pairs(pairs) {
    return html`<dl>${pairs.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) =>
      html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
  }

  #erased() {
    return html`<p><i class="erased">erased</i>; the log keeps a digest of what it was.</p>`;
  }

  #changes() {
    const { changes } = this.#event;
    if (changes.length === 0) return html`<p class="none">No changed values were sent.</p>`;
    return html`<div class="changes" role="region" aria-label="Before and after" tabindex="0"><table>
      <thead><tr><th scope="col">Where</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
      <tbody>${changes.map(({ path, old, new: after }) => html`<tr><th scope="row"><code>${path}</code></th>
        <td class="old">${shown(old ?? null)}</td><td class="new">${shown(after ?? null)}</td></tr>`)}</tbody></table></div>`;
  }

  #proof() {
    const verdict = this.#verdict;
    return html`<div class="proof ${verdict?.state ?? ""}">
      <div class="histories"><button class="primary" ?disabled=${verdict?.state === "under-way"} @click=${() => this.#verify()}>Verify</button>
        <button @click=${() => this.#saveProof()} ?disabled=${this.#event.sequence === null}>Save with its proof</button></div>
      ${verdict ? this.#verdictText(verdict) : html`<p class="none">Your browser works the event's hash out again, follows it to
        the root of the log, and checks who signed that.</p>`}
      <details><summary>The key that you trust</summary><label class="field">The log's key, had from its operator by another way
        <input autocomplete="off" spellcheck="false" placeholder="name/workspace+id+key" .value=${this.#trustedKey}
          @change=${({ target }) => { this.#trustedKey = target.value.trim(); }} /></label></details></div>`;
  }

  #verdictText({ state, message, proof }) {
    if (state === "under-way") return html`<p>Verifying…</p>`;
    if (state === "refuted") return html`<p class="result"><b>Not proved.</b> ${message}</p>`;
    const { checkpoint, key, isTrusted, leaf, withheld, steps } = proof;
    return html`<p class="result"><b>Proved.</b> This is entry ${count(this.#event.sequence)} of the log of
        ${this.#event.workspace_username}, unchanged${withheld.length > 0 ? `; of what was erased (${withheld.join(", ")}) the digests fit` : ""}.</p>
      <ol><li>Its hash is <code>${leaf}</code>.</li>
        <li>${plural(steps, "more hash", "more hashes")} of the log lead to the root of ${plural(checkpoint.size, "entry", "entries")},
          <code>${checkpoint.rootText}</code>.</li>
        <li>That is signed by <code>${key}</code>, ${isTrusted ? "the key that you trust" : "the key that the server itself tells"}.</li></ol>
      <details><summary>The signed checkpoint</summary><pre tabindex="0" aria-label="The signed checkpoint">${checkpoint.note}</pre></details>`;
  }

  async #verify() {
    const api = this.#api;
    const event = this.#event;
    this.#verdict = { state: "under-way" };
    this.#draw();
    let verdict;
    try {
      if (event.sequence === null) await this.#refresh(api, event);
      verdict = { state: "proved", proof: await verify(api, this.#event ?? event, this.#trustedKey) };
    } catch (error) {
      const isVerdict = error instanceof NotProved;
      verdict = { state: "refuted", message: isVerdict ? error.message : `It could not be looked at: ${error.message}` };
    }
    if (!this.isOpen || this.#event.id !== event.id) return;
    this.#verdict = verdict;
    this.#draw();
    announce(verdict.state === "proved" ? "Proved" : `Not proved. ${verdict.message}`);
  }

  /** Has an event again that was not sealed when it was read. */
  async #refresh(api, event) {
    const end = `${event.timestamp.slice(0, -1).padEnd(26, "0")}Z`;
    const query = new URLSearchParams({ start_timestamp: end, order: "asc", limit: 1000 });
    const { audit_logs } = await api.json("audit_logs", query);
    const again = audit_logs.find(({ id, timestamp }) => id === event.id && timestamp === event.timestamp);
    if (!again || again.sequence === null) throw new NotProved("It is not sealed yet; that takes a few seconds. Try again.");
    if (this.#event === event) this.#event = again;
  }

  async #saveProof() {
    const { sequence, workspace_username } = this.#event;
    try {
      const { text } = await this.#api.text(`ledger/entries/${sequence}`);
      download(new Blob([text], { type: "application/json" }), `${workspace_username}-${sequence}.json`);
    } catch (error) {
      this.#verdict = { state: "refuted", message: error.message };
      this.#draw();
    }
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(JSON.stringify(this.#event, null, 2));
      announce("Copied");
    } catch {
      announce("The browser did not let it be copied");
    }
  }
}

const shown = (value) => (value === null ? html`<i class="none">nothing</i>` : typeof value === "string" ? value : JSON.stringify(value));
