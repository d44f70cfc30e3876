// The filters, each with the values that were seen so far and how often.

import { actionLabel, allActions, allCategories, categoryLabel } from "./catalogue.js";
import { toggled } from "./filters.js";
import { html, nothing, render } from "./lit-html/lit-html.js";
import { count } from "./words.js";

const SHOWN = 8;

export class Facets {
  #log;
  #filters;
  #change;
  #frame;
  #whole = new Set();

  /** `change` is called with the filters as they are to be. */
  constructor(change) {
    this.#change = change;
    this.element = document.createElement("form");
    this.element.className = "facets";
    this.element.setAttribute("aria-label", "Filters");
    this.element.addEventListener("submit", (event) => event.preventDefault());
  }

  show(log, filters) {
    [this.#log, this.#filters] = [log, filters];
    log.addEventListener("change", () => this.update());
    this.update();
  }

  update() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  }

  #draw() {
    const { seen } = this.#log;
    const filters = this.#filters;
    const set = (changes) => this.#change({ ...filters, ...changes });
    render(html`
      <fieldset><legend>Time (UTC)</legend>
        ${this.#time("start_timestamp", "From")} ${this.#time("end_timestamp", "Before")}
      </fieldset>
      ${this.#list("category", "Category", categoryLabel, allCategories())}
      ${this.#list("action", "Action", actionLabel, allActions())}
      ${this.#one("actor", "Actor", seen.actor, filters.actor,
        (value) => set({ actor: value }), "User id")}
      ${this.#one("entity", "Entity", seen.entity,
        filters.entity_id ? JSON.stringify([filters.entity_type ?? null, filters.entity_id]) : undefined,
        (value) => {
          const [entity_type, entity_id] = value ? JSON.parse(value) : [];
          set({ entity_type: entity_type ?? undefined, entity_id });
        })}
      <fieldset><legend>Outcome</legend>
        ${[["", "Any"], ["success", "Success"], ["failure", "Failure"]].map(([value, label]) => html`
          <label class="value"><input type="radio" name="outcome" value=${value}
            .checked=${(filters.outcome ?? "") === value} @change=${() => set({ outcome: value || undefined })} />
            <span>${label}</span><small>${value && seen.outcome.get(value) ? count(seen.outcome.get(value).count) : ""}</small></label>`)}
      </fieldset>
      <fieldset><legend>Exactly</legend>
        ${this.#text("entity_type", "Entity type")} ${this.#text("entity_id", "Entity id")}
        ${this.#text("ip", "IP address")} ${this.#text("correlation_id", "Correlation id")}
      </fieldset>`, this.element);
  }

  #time(name, label) {
    const value = (this.#filters[name] ?? "").slice(0, 19);
    return html`<label class="field">${label}<input type="datetime-local" step="1" name=${name} .value=${value}
      @change=${({ target }) => this.#change({ ...this.#filters, [name]: target.value ? new Date(`${target.value}Z`).toISOString() : undefined })} /></label>`;
  }

  #text(name, label) {
    return html`<label class="field">${label}<input name=${name} autocomplete="off" spellcheck="false" .value=${this.#filters[name] ?? ""}
      @change=${({ target }) => this.#change({ ...this.#filters, [name]: target.value.trim() || undefined })} /></label>`;
  }

  /** Values of which several can be chosen: those that are, then those that were seen most often. */
  #list(name, legend, labelOf, known) {
    const seen = this.#log.seen[name];
    const chosen = this.#filters[name];
    const often = [...seen.keys()].sort((one, other) => seen.get(other).count - seen.get(one).count);
    const values = [...new Set([...chosen, ...often, ...(this.#whole.has(name) ? known : [])])];
    return html`<fieldset><legend>${legend}</legend>
      ${this.#short(name, values).map((value) => html`
        <label class="value" title=${value}><input type="checkbox" name=${name} value=${value} .checked=${chosen.includes(value)}
          @change=${() => this.#change(toggled(this.#filters, name, value))} />
          <span>${labelOf(value)}</span><small>${seen.get(value) ? count(seen.get(value).count) : ""}</small></label>`)}
      ${this.#rest(name, legend, new Set([...values, ...known]).size)}
    </fieldset>`;
  }

  /** Values of which one can be chosen. */
  #one(name, legend, seen, chosen, choose, placeholder) {
    const often = [...seen.entries()].sort(([, one], [, other]) => other.count - one.count);
    const values = [...new Set([...(chosen ? [chosen] : []), ...often.map(([value]) => value)])];
    const label = (value) => seen.get(value)?.label ?? (name === "entity" ? JSON.parse(value).at(-1) : value);
    return html`<fieldset><legend>${legend}</legend>
      ${this.#short(name, values).map((value) => html`
        <label class="value" title=${name === "entity" ? JSON.parse(value).filter(Boolean).join(" ") : value}>
          <input type="checkbox" name=${name} value=${value} .checked=${value === chosen}
            @change=${() => choose(value === chosen ? undefined : value)} />
          <span>${label(value)}</span><small>${seen.get(value) ? count(seen.get(value).count) : ""}</small></label>`)}
      ${this.#rest(name, legend, values.length)}
      ${placeholder ? this.#text(name, placeholder) : nothing}
    </fieldset>`;
  }

  #short(name, values) {
    return this.#whole.has(name) ? values : values.slice(0, Math.max(SHOWN, this.#filters[name]?.length ?? 0));
  }

  #rest(name, legend, number) {
    const isWhole = this.#whole.has(name);
    if (!isWhole && number <= SHOWN) return nothing;
    const turn = () => {
      if (isWhole) this.#whole.delete(name);
      else this.#whole.add(name);
      this.update();
    };
    return html`<button type="button" class="quiet" aria-expanded=${isWhole} @click=${turn}>
      ${isWhole ? "Fewer" : `All ${count(number)}`}<span class="visually-hidden"> of ${legend}</span></button>`;
  }
}
