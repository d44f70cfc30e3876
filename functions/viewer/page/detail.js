// The detail of one event: its actor and entity, the values before and after, and the verdict of the verifier.

import { doubts } from "./api.js";
import { actionLabel, catalogueText, categoryLabel, categoryThatFollows } from "./catalogue.js";
import { download } from "./export.js";
import { Refuted, Unchecked, verify, verifyBundle } from "./ledger.js";
import { html, nothing } from "./lit-html/lit-html.js";
import { actorName, announce, copy, count, entityName, isErased, plain, plural, printed, second, visible } from "./words.js";

/** On screens where the drawer would cover the page, it is modal. */
const NARROW = matchMedia("(max-width: 76rem)");
const HEADINGS = { refuted: "Not proved.", unchecked: "Could not be checked." };

export class Detail {
  #search;
  #close;
  #go;
  #retry;
  #update;
  #verdict;
  #saved;
  #isModal = false;
  #shown;
  wantsFocus = false;

  /** `search` is called with filters to show a history, `go` with -1 or 1 for the event above or below, `retry` to ask
   * again for an event that did not come. */
  constructor({ search, close, go, retry, update }) {
    [this.#search, this.#close, this.#go, this.#retry, this.#update] = [search, close, go, retry, update];
    NARROW.addEventListener("change", update);
  }

  /** The dialog: an event, its sequence alone while it is loaded, or a problem. */
  view(opened, session) {
    if (this.#shown !== opened) [this.#verdict, this.#saved] = [];
    this.#shown = opened;
    const { event, problem, sequence } = opened;
    return html`<dialog class="detail" aria-label="The event" @keydown=${(event) => this.#key(event)}
        @cancel=${(event) => { event.preventDefault(); this.#close(); }}>
      <header><h2 tabindex="-1">${event ? visible(actionLabel(event.action)) : `Event ${count(sequence)}`}</h2>
        <div class="tools"><button class="quiet" @click=${() => this.#go(-1)} aria-label="The event above" title="The event above">↑</button>
        <button class="quiet" @click=${() => this.#go(1)} aria-label="The event below" title="The event below">↓</button>
        <button class="quiet" @click=${() => this.#close()} aria-label="Close the event" title="Close">✕</button></div></header>
      ${event ? this.#whole(event, session) : problem
        ? html`<p class="problem" role="alert">${problem} <button @click=${this.#retry}>Try again</button></p>`
        : html`<p class="none" role="status">Loading…</p>`}</dialog>`;
  }

  /** Opens the dialog that was drawn, modal or beside the list. */
  placed() {
    const dialog = document.querySelector("dialog.detail");
    if (!dialog) return;
    if (dialog.open && this.#isModal !== NARROW.matches) dialog.close();
    if (!dialog.open) {
      const before = document.activeElement;
      this.#isModal = NARROW.matches;
      if (this.#isModal) dialog.showModal();
      else dialog.show();
      if (!this.#isModal) before?.focus({ preventScroll: true });
    }
    if (this.wantsFocus) {
      dialog.scrollTop = 0;
      dialog.querySelector("h2").focus();
    }
    this.wantsFocus = false;
  }

  #whole(event, session) {
    const { actor, entity, context } = event;
    const description = event.description && ![actionLabel(event.action), catalogueText(event.action)].includes(event.description) ? html`<p class="said">${visible(event.description)}</p>` : nothing;
    return html`
      <p class="lead"><span class="outcome ${event.outcome}">${event.outcome === "failure" ? "Failure" : "Success"}</span>
        <time datetime=${event.timestamp}>${second(event.timestamp)} UTC</time></p>
      ${isErased(event, "description") ? html`<p><i class="erased">erased</i></p>` : description}
      ${this.#histories(event)}
      <h3>Actor</h3>
      ${isErased(event, "actor") ? erased() : pairs([
        ["Name", actorName(event)], ["User id", actor?.user_id], ["Kind", actor?.type], ["IP address", actor?.ip],
        ["User agent", actor?.user_agent],
        ["On behalf of", actor?.on_behalf_of && (actor.on_behalf_of.username || actor.on_behalf_of.user_id)],
      ])}
      <h3>Entity</h3>
      ${isErased(event, "entity") ? erased() : entity ? pairs([
        ["Name", entity.entity_name], ["Type", entity.entity_type], ["Id", entity.entity_id],
      ]) : html`<p class="none">Nothing in particular.</p>`}
      <h3>Before and after</h3>
      ${isErased(event, "changes") ? erased() : changes(event.changes)}
      <h3>Context</h3>
      ${isErased(event, "context") ? erased() : Object.keys(context).length > 0
        ? html`<dl>${Object.entries(context).map(([name, value]) => pair(visible(name), shown(value)))}</dl>`
        : html`<p class="none">None was sent.</p>`}
      <h3>Proof</h3>
      ${this.#proof(event, session)}
      <h3>Record</h3>
      ${pairs([
        ["Action", event.action], ["Category", categoryLabel(event.category)], ["Happened", event.timestamp],
        ["Received", event.received_at], ["Sequence", count(event.sequence)],
        ["Event id", event.id], ["Workspace", event.workspace_username],
      ])}
      <details class="raw"><summary>The event as JSON</summary>
        <button @click=${() => copy(printed(event))}>Copy</button>
        <pre tabindex="0" aria-label="The event as JSON">${printed(event)}</pre></details>`;
  }

  #histories(event) {
    const { actor, entity, context } = event;
    const button = (label, name, filters) => html`<button title=${name ? plain(name) : nothing} @click=${() => this.#search(filters)}>${label}${name ? visible(short(name)) : nothing}</button>`;
    return html`<div class="histories">
      ${actor?.user_id ? button("History of ", actorName(event), { actor: actor.user_id }) : nothing}
      ${entity?.entity_id ? button("History of ", entityName(event), { entity_type: entity.entity_type, entity_id: entity.entity_id }) : nothing}
      ${typeof context?.correlation_id === "string" ? button("All with its correlation id", "", { correlation_id: context.correlation_id }) : nothing}
    </div>`;
  }

  #proof(event, session) {
    const verdict = this.#verdict;
    return html`<div class="proof ${verdict?.state ?? ""}">
      <div class="histories"><button class="primary" ?disabled=${verdict?.state === "under-way"} @click=${() => this.#verify(event, session)}>Verify</button>
        <button @click=${() => this.#saveProof(event, session)}>Save with its proof</button></div>
      ${verdict ? this.#verdictText(event, verdict) : html`<p class="none">Your browser works the event's hash out again, follows it to
        the root of the log, and checks the log's signature.</p>`}
      ${this.#saved ? html`<p class="saved" role="status">${visible(this.#saved)}</p>` : nothing}
      <details><summary>The key that you trust</summary><label class="field">The log's key, had from its operator by another way
        <input id="trusted-key" autocomplete="off" spellcheck="false" placeholder="name/workspace+id+key" .value=${session.trustedKey}
          @change=${({ target }) => { session.trustedKey = target.value.trim(); }} /></label></details></div>`;
  }

  #verdictText(event, { state, message, proof }) {
    if (state === "under-way") return html`<p role="status">Verifying…</p>`;
    if (state !== "proved") return html`<p class="result"><b>${HEADINGS[state]}</b> ${visible(message)}</p>`;
    const { checkpoint, key, isTrusted, leaf, withheld, uncovered, steps } = proof;
    return html`<p class="result"><b>Proved.</b> This is entry ${count(event.sequence)} of the log of
        ${event.workspace_username}, unchanged${withheld.length > 0 ? `; of what was erased (${withheld.join(", ")}) the digests fit` : ""}.</p>
      <ol><li>Its hash is <code>${leaf}</code>.</li>
        <li>${plural(steps, "more hash", "more hashes")} of the log lead to the root of ${plural(checkpoint.size, "entry", "entries")},
          <code>${checkpoint.rootText}</code>.</li>
        <li>That is signed by <code>${key}</code>, ${isTrusted ? "the key that you trust" : "the key that the server itself tells"}.</li></ol>
      ${uncovered.length > 0 ? html`<p class="uncovered"><b>Not proved:</b> ${visible(uncovered.join(", "))}, which the log's hash does not cover.</p>` : nothing}
      <details><summary>The signed checkpoint</summary><pre tabindex="0" aria-label="The signed checkpoint">${checkpoint.note}</pre></details>`;
  }

  async #verify(event, session) {
    this.#tell({ state: "under-way" });
    const opened = this.#shown;
    let verdict;
    try {
      const { api, trustedKey } = session;
      const options = { workspace: api.workspace, trustedKey, doubt: doubts.get(event), categoryOf: categoryThatFollows };
      verdict = { state: "proved", proof: await verify(api, event, options) };
    } catch (error) {
      verdict = verdictOf(error);
    }
    // A verdict is shown only with the event that it belongs to.
    if (this.#shown !== opened || session.api.signal.aborted) return;
    this.#tell(verdict);
    announce(verdict.state === "proved" ? "Proved" : `${HEADINGS[verdict.state]} ${verdict.message}`);
  }

  /** Saves the event with its proof, and reports a file that does not prove the event. */
  async #saveProof(event, session) {
    const opened = this.#shown;
    let message;
    try {
      const { text } = await session.api.text(`ledger/entries/${event.sequence}`);
      const key = session.trustedKey || (await session.api.text("ledger/key")).text;
      try {
        await verifyBundle(text, { workspace: session.api.workspace, trustedKey: key, categoryOf: categoryThatFollows });
        message = "Saved. The file proves the event as the log has it now.";
      } catch (error) {
        message = `It was saved, but the file does not prove the event. ${verdictOf(error).message}`;
      }
      download(new Blob([text], { type: "application/json" }), `${session.api.workspace}-${event.sequence}.json`);
    } catch (error) {
      message = `It was not saved. ${error.message}`;
    }
    if (this.#shown !== opened || session.api.signal.aborted) return;
    this.#saved = message;
    this.#update();
    announce(message);
  }

  #tell(verdict) {
    this.#verdict = verdict;
    this.#update();
  }

  #key(event) {
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.key === "Escape") this.#close();
    else if (isPlain && (event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest("h2, .tools")) this.#go(event.key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
  }
}

function verdictOf(error) {
  if (error instanceof Refuted) return { state: "refuted", message: error.message };
  return { state: "unchecked", message: error instanceof Unchecked ? error.message : `Something is not in the form that it should have (${error.message}). Try again, or use \`auditlog verify event\`.` };
}

const short = (name) => (name.length > 60 ? `${name.slice(0, 60).toWellFormed()}\u2026` : name);
const pair = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
const pairs = (list) => html`<dl>${list.filter(([, value]) => value !== undefined && value !== null && value !== "")
  .map(([name, value]) => pair(name, shown(value)))}</dl>`;
const erased = () => html`<p><i class="erased">erased</i>; the log keeps a digest of what it was.</p>`;

/** A value of an event, shown so that a missing value, an empty text and a text differ. */
function shown(value) {
  if (value === null || value === undefined) return html`<i class="none">nothing</i>`;
  if (value === "") return html`<i class="none">empty text</i>`;
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

function changes(list) {
  if (list.length === 0) return html`<p class="none">No changed values were sent.</p>`;
  return html`<div class="changes" role="region" aria-label="Before and after" tabindex="0"><table>
    <thead><tr><th scope="col">Where</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
    <tbody>${list.map(({ path, old, new: after }) => html`<tr><th scope="row"><code>${visible(path)}</code></th>
      <td class="old">${shown(old)}</td><td class="new">${shown(after)}</td></tr>`)}</tbody></table></div>`;
}
