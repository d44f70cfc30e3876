// The events in rows, of which only those in sight are in the document.

import { actionLabel, categoryLabel } from "./catalogue.js";
import { html, render } from "./lit-html/lit-html.js";
import { actorName, count, entityName, isErased, second } from "./words.js";

const ROW_HEIGHT = { wide: 40, narrow: 66 };
const BEYOND_SIGHT = 6;
const COLUMNS = ["Time (UTC)", "Action", "Actor", "Entity", "Outcome", "Sequence"];
const NARROW = matchMedia("(max-width: 46rem)");

export class Table {
  #log;
  #scroller = document.createElement("div");
  #open;
  #active = 0;
  #frame;

  /** `open` is called with the event of a row that was chosen. */
  constructor(open) {
    this.#open = open;
    this.element = this.#scroller;
    this.#scroller.className = "table";
    this.#scroller.tabIndex = 0;
    this.#scroller.setAttribute("role", "grid");
    this.#scroller.setAttribute("aria-label", "Events, the newest first");
    this.#scroller.setAttribute("aria-colcount", COLUMNS.length);
    this.#scroller.addEventListener("scroll", () => this.update(), { passive: true });
    this.#scroller.addEventListener("keydown", (event) => this.#key(event));
    this.#scroller.addEventListener("focus", () => this.update());
    NARROW.addEventListener("change", () => this.update());
    new ResizeObserver(() => this.update()).observe(this.#scroller);
  }

  /** Shows a log, from its beginning. */
  show(log) {
    this.#log = log;
    this.#active = 0;
    this.#scroller.scrollTop = 0;
    log.addEventListener("change", () => this.update());
    log.addEventListener("arrived", ({ detail }) => this.#keepPlace(detail));
    this.update();
  }

  /** Draws what is in sight, at the next frame. */
  update() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      if (this.#log) this.#draw(this.#log);
    });
  }

  get #height() {
    return NARROW.matches ? ROW_HEIGHT.narrow : ROW_HEIGHT.wide;
  }

  #draw(log) {
    const { scrollTop, clientHeight } = this.#scroller;
    const height = this.#height;
    const first = Math.max(0, Math.floor(scrollTop / height) - BEYOND_SIGHT);
    const end = Math.min(log.length, Math.ceil((scrollTop + clientHeight) / height) + BEYOND_SIGHT);
    const rows = [];
    for (let index = first; index < end; index += 1) rows.push(this.#row(index, log.at(index)));
    this.#scroller.setAttribute("aria-rowcount", log.isComplete ? log.length + 1 : -1);
    const isInSight = first <= this.#active && this.#active < end;
    if (isInSight) this.#scroller.setAttribute("aria-activedescendant", `row-${this.#active}`);
    else this.#scroller.removeAttribute("aria-activedescendant");
    render(
      html`<div class="head" role="rowgroup"><div class="row" role="row" aria-rowindex="1">
          ${COLUMNS.map((name) => html`<span role="columnheader">${name}</span>`)}
        </div></div>
        <div class="rows" role="rowgroup">${rows}</div>`,
      this.#scroller,
    );
    const body = this.#scroller.querySelector(".rows");
    body.style.height = `${log.length * height}px`;
    for (const row of body.children) row.style.transform = `translateY(${Number(row.dataset.index) * height}px)`;
    // The next page is asked for before its place comes into sight.
    if (!log.isComplete && !log.isLoading && !log.problem && end + 40 > log.length) log.more();
  }

  #row(index, event) {
    const isActive = index === this.#active;
    const frame = (cells, extra = "") => html`<div class="row ${extra} ${isActive ? "active" : ""}" role="row" id="row-${index}"
      data-index=${index} aria-rowindex=${index + 2} aria-selected=${isActive} @click=${() => this.#choose(index)}>${cells}</div>`;
    if (!event) return frame(html`<span role="gridcell" class="wait">Loading\u2026</span>`, "loading");
    const failed = event.outcome === "failure";
    const erased = (part, text) => (isErased(event, part) ? html`<i class="erased">erased</i>` : text || "\u2014");
    return frame(html`
      <span role="gridcell" class="time">${second(event.timestamp)}</span>
      <span role="gridcell" class="what" title=${event.action}><b>${actionLabel(event.action)}</b>
        <small>${categoryLabel(event.category)}</small></span>
      <span role="gridcell" class="who">${erased("actor", actorName(event))}</span>
      <span role="gridcell" class="on">${erased("entity", entityName(event))}</span>
      <span role="gridcell" class="outcome ${failed ? "failure" : "success"}">${failed ? "Failure" : "Success"}</span>
      <span role="gridcell" class="sequence">${event.sequence === null ? "not yet" : count(event.sequence)}</span>`);
  }

  #choose(index) {
    this.#active = index;
    const event = this.#log.at(index);
    if (event) this.#open(event);
    this.update();
  }

  /** Whoever has scrolled down keeps seeing the same events when others come in above. */
  #keepPlace(added) {
    if (this.#active > 0) this.#active += added;
    if (this.#scroller.scrollTop > 0) this.#scroller.scrollTop += added * this.#height;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#height) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#choose(this.#active);
    } else if (event.key in steps && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const last = Math.max(0, this.#log.length - 1);
      this.#active = Math.min(last, Math.max(0, this.#active + steps[event.key]));
      this.#bringIntoSight();
      this.update();
    }
  }

  #bringIntoSight() {
    const head = this.#scroller.querySelector(".head")?.offsetHeight ?? 0;
    const [top, bottom] = [this.#active * this.#height, (this.#active + 1) * this.#height + head];
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#scroller.scrollTop = bottom - clientHeight;
  }
}
