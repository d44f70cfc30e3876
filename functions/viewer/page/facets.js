// The filters, each with the values seen so far in the workspace, and their frequency in the present list.

import { actionLabel, allActions, allCategories, categoryLabel } from "./catalogue.js";
import { toggled } from "./filters.js";
import { html, nothing } from "./lit-html/lit-html.js";
import { count, second, timestamp, visible } from "./words.js";

const SHOWN = 8;
/** The number of values of a kind that a person can still look through. */
const LISTED = 200;

export class Facets {
  #log;
  #filters;
  #change;
  #update;
  #whole = new Set();
  #wrong = new Map();
  /** The values seen in this workspace, with any filter, in the order of appearance. */
  #known = { action: new Map(), actor: new Map(), entity: new Map() };

  /** `change` is called with the new filters. */
  constructor({ change, update }) {
    [this.#change, this.#update] = [change, update];
  }

  /** Forgets the values of the workspace. */
  forget() {
    for (const known of Object.values(this.#known)) known.clear();
    this.#whole.clear();
    this.#wrong.clear();
  }

  view(log, filters) {
    [this.#log, this.#filters] = [log, filters];
    for (const [name, known] of Object.entries(this.#known)) {
      for (const [value, { label }] of log.seen[name]) known.set(value, label);
    }
    return html`<form class="facets" aria-label="Filters" @submit=${(event) => event.preventDefault()}>
      <fieldset><legend>Time (UTC)</legend>${this.#time("start_timestamp", "From")}${this.#time("end_timestamp", "Before")}</fieldset>
      ${this.#list("category", "Category", categoryLabel, allCategories(), allCategories().length)}
      ${this.#list("action", "Action", actionLabel, [...new Set([...this.#known.action.keys(), ...(this.#whole.has("action") ? allActions() : [])])], SHOWN)}
      ${this.#one("actor", "Actor", filters.actor, (value) => this.#set({ actor: value }), html`${this.#text("actor", "User id")}`)}
      ${this.#one("entity", "Entity", filters.entity_id && JSON.stringify([filters.entity_type ?? "", filters.entity_id]), (value) => {
        const [entity_type, entity_id] = value ? JSON.parse(value) : [];
        this.#set({ entity_type: entity_type || undefined, entity_id });
      }, nothing)}
      <fieldset><legend>Outcome</legend>
        ${[["", "Any"], ["success", "Success"], ["failure", "Failure"]].map(([value, label]) => html`
          <label class="value"><input type="radio" name="outcome" id="facet-outcome-${value}" value=${value}
            .checked=${(filters.outcome ?? "") === value} @change=${() => this.#set({ outcome: value || undefined })} />
            <span>${label}</span><small>${value ? this.#number("outcome", value) : ""}</small></label>`)}
      </fieldset>
      <fieldset><legend>Texts</legend>
        ${this.#text("contains", "Contains")} ${this.#text("actor_name", "Actor’s name begins with")} ${this.#text("entity_name", "Entity’s name begins with")}
      </fieldset>
      <fieldset><legend>Exactly</legend>
        ${this.#text("entity_type", "Entity type")} ${this.#text("entity_id", "Entity id")}
        ${this.#text("ip", "IP address or range")} ${this.#text("on_behalf_of", "On behalf of (user id)")} ${this.#text("correlation_id", "Correlation id")}
      </fieldset>
      <fieldset><legend>Leave out</legend>
        ${this.#names("not_category", "Categories", ",")} ${this.#names("not_action", "Actions", ",")} ${this.#names("not_actor", "Actor (user id)")}
      </fieldset>
      <fieldset><legend>Reads of this log</legend>
        <label class="value"><input type="checkbox" id="facet-reads" .checked=${filters.hasReads}
          @change=${({ target }) => this.#set({ hasReads: target.checked })} /><span>Show records of reads</span><small></small></label></fieldset></form>`;
  }

  #set(changes) {
    this.#change({ ...this.#filters, ...changes });
  }

  #number(name, value) {
    const seen = this.#log.seen[name].get(value);
    return seen ? count(seen.count) : "";
  }

  #time(name, label) {
    const value = this.#filters[name] ?? "";
    const wrong = this.#wrong.get(name);
    return html`<label class="field">${label}<input type="datetime-local" step="1" name=${name} id="facet-${name}" min="0001-01-01T00:00" max="9999-12-31T23:59:59"
      aria-invalid=${wrong ? "true" : nothing} .value=${value ? second(value).replace(" ", "T") : ""}
      @change=${({ target }) => this.#setTime(name, target)} />${wrong ? html`<span class="wrong" role="alert">${wrong}</span>` : nothing}</label>`;
  }

  #setTime(name, { value, validity }) {
    const time = value ? timestamp(Date.parse(`${value}Z`)) : undefined;
    const isWrong = validity.badInput || (value && !time);
    if (isWrong) this.#wrong.set(name, "Give a whole time, from the year 1 to 9999.");
    else this.#wrong.delete(name);
    if (isWrong) this.#update();
    else this.#set({ [name]: time });
  }

  #text(name, label) {
    return html`<label class="field">${label}<input name=${name} id="facet-${name}" autocomplete="off" spellcheck="false" .value=${this.#filters[name] ?? ""}
      @change=${({ target }) => this.#set({ [name]: target.value.trim() || undefined })} /></label>`;
  }

  /** A list as one field: names with commas between them, or one id, which may contain a comma. */
  #names(name, label, separator) {
    const read = (text) => (separator ? text.split(separator) : [text]).map((value) => value.trim()).filter(Boolean);
    return html`<label class="field">${label}<input name=${name} id="facet-${name}" autocomplete="off" spellcheck="false" .value=${this.#filters[name].join(", ")}
      @change=${({ target }) => this.#set({ [name]: read(target.value) })} /></label>`;
  }

  /** Values with multiple choice. They keep their order, so that a value that was just ticked stays in place. */
  #list(name, legend, labelOf, known, few) {
    const chosen = this.#filters[name];
    const values = [...new Set([...known, ...chosen])];
    const shown = this.#whole.has(name) ? values : values.filter((value, index) => index < few || chosen.includes(value));
    return html`<fieldset><legend>${legend}</legend>
      ${shown.map((value) => html`
        <label class="value" title=${value}><input type="checkbox" name=${name} id="facet-${name}-${value}" value=${value} .checked=${chosen.includes(value)}
          @change=${() => this.#change(toggled(this.#filters, name, value))} />
          <span>${visible(labelOf(value))}</span><small>${this.#number(name, value)}</small></label>`)}
      ${this.#rest(name, legend, name === "action" ? new Set([...values, ...allActions()]).size : values.length, shown.length)}
    </fieldset>`;
  }

  /** Values with a single choice: the most frequent ones first, and always the chosen one. */
  #one(name, legend, chosen, choose, other) {
    const known = this.#known[name];
    const often = (value) => this.#log.seen[name].get(value)?.count ?? 0;
    const values = [...known.keys()].sort((one, two) => often(two) - often(one));
    if (chosen && !known.has(chosen)) values.unshift(chosen);
    const most = this.#whole.has(name) ? LISTED : SHOWN;
    const shown = values.filter((value, index) => index < most || value === chosen);
    return html`<fieldset><legend>${legend}</legend>
      ${shown.map((value) => {
        const id = name === "entity" ? JSON.parse(value).filter(Boolean).join(" ") : value;
        const label = known.get(value) || id;
        return html`<label class="value" title=${id}><input type="checkbox" name=${name} id="facet-${name}-${value}" value=${value} .checked=${value === chosen}
            @change=${() => choose(value === chosen ? undefined : value)} />
          <span>${visible(label)}${label === id ? nothing : html`<small>${visible(id)}</small>`}</span><small>${this.#number(name, value)}</small></label>`;
      })}
      ${this.#rest(name, legend, values.length, shown.length)}
      ${this.#whole.has(name) && values.length > shown.length ? html`<p class="none">${count(values.length - shown.length)} more were seen: give the id.</p>` : nothing}
      ${other}
    </fieldset>`;
  }

  #rest(name, legend, number, shown) {
    const isWhole = this.#whole.has(name);
    if (!isWhole && number <= shown) return nothing;
    const turn = () => {
      if (isWhole) this.#whole.delete(name);
      else this.#whole.add(name);
      this.#update();
    };
    return html`<button type="button" class="quiet" id="facet-all-${name}" aria-expanded=${isWhole} @click=${turn}>
      ${isWhole ? "Fewer" : `All ${count(number)}`}<span class="visually-hidden"> of ${legend}</span></button>`;
  }
}
