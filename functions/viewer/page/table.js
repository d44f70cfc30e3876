// The rows of events. Only the visible ones are in the document.

import { actionLabel, categoryOf } from "./catalogue.js";
import { html, nothing } from "./lit-html/lit-html.js";
import { second, visible } from "./words.js";

const ROW_HEIGHT = { wide: 40, narrow: 66 };
const BEYOND_SIGHT = 6;
const COLUMNS = ["Time (UTC)", "Action", "Actor", "Entity", "Address", "Outcome"];
const NARROW = matchMedia("(max-width: 46rem)");

export class Table {
  #log;
  #scroller;
  #open;
  #opened;
  #step;
  #close;
  #update;
  #active;
  #top = 0;
  /** The row on top when the table was drawn last, and its place then: it stays there when others come in above it. */
  #first;
  #firstPlace = 0;
  isPrinted = false;

  /** `open` is called with an entry to open and show, `step` with one to show while the detail stays as it is; `opened` gives the open event. */
  constructor({ open, opened, step, close, update }) {
    [this.#open, this.#opened, this.#step, this.#close, this.#update] = [open, opened, step, close, update];
    NARROW.addEventListener("change", update);
    new ResizeObserver(update).observe(document.getElementById("content"));
  }

  get #height() {
    return NARROW.matches ? ROW_HEIGHT.narrow : ROW_HEIGHT.wide;
  }

  view(log, opened) {
    const isSame = this.#log === log && this.#scroller?.isConnected;
    if (this.#log !== log) [this.#log, this.#active] = [log, undefined];
    this.#top = isSame ? this.#scroller.scrollTop : 0;
    if (this.#top > 0 && this.#first) this.#top += (log.placeOf(this.#first) - this.#firstPlace) * this.#height;
    this.#active ??= log.entries[0];
    const height = this.#height;
    const inSight = this.#scroller?.clientHeight || innerHeight;
    const first = this.isPrinted ? 0 : Math.max(0, Math.floor(this.#top / height) - BEYOND_SIGHT);
    const end = this.isPrinted ? log.length : Math.min(log.length, Math.ceil((this.#top + inSight) / height) + BEYOND_SIGHT);
    const place = this.#active ? log.placeOf(this.#active) : -1;
    this.end = end;
    return html`<div class="table" tabindex="0" role="grid" aria-label="Events, the newest first" aria-colcount=${COLUMNS.length}
        aria-rowcount=${log.isComplete ? log.length + 1 : -1} aria-activedescendant=${first <= place && place < end ? `row-${place}` : nothing}
        @scroll=${this.#update} @keydown=${(event) => this.#key(event)}>
      <div class="head" role="rowgroup"><div class="row" role="row" aria-rowindex="1">
        ${COLUMNS.map((name) => html`<span role="columnheader">${name}</span>`)}</div></div>
      <div class="rows" role="rowgroup">${log.entries.slice(first, end).map((entry, index) => this.#row(first + index, entry, opened))}</div></div>`;
  }

  /** Puts the rows in their places, once they are in the document. */
  placed() {
    this.#scroller = document.querySelector(".table");
    if (!this.#scroller) return;
    const body = this.#scroller.querySelector(".rows");
    body.style.height = this.isPrinted ? "" : `${this.#log.length * this.#height}px`;
    for (const row of body.children) row.style.transform = this.isPrinted ? "" : `translateY(${Number(row.dataset.index) * this.#height}px)`;
    if (this.#scroller.scrollTop !== this.#top) this.#scroller.scrollTop = this.#top;
    this.#firstPlace = Math.floor(this.#scroller.scrollTop / this.#height);
    this.#first = this.#log.entries[this.#firstPlace];
  }

  /** True if the end of the loaded rows is visible, or nearly. */
  get isAtEnd() {
    return this.end + 40 > this.#log.length;
  }

  focus() {
    document.querySelector(".table")?.focus();
  }

  #row(index, entry, opened) {
    const isActive = entry === this.#active;
    const isOpen = opened !== undefined && entry.sequence === opened.sequence;
    const failed = entry.outcome === "failure";
    return html`<div class="row ${isActive ? "active" : ""} ${isOpen ? "open" : ""}" role="row" id="row-${index}" data-index=${index}
        data-id=${entry.id} aria-rowindex=${index + 2} aria-selected=${isOpen} @click=${() => this.#choose(entry)}>
      <span role="gridcell" class="time">${second(entry.timestamp)}</span>
      <span role="gridcell" class="what" title=${entry.action}><b>${actionLabel(entry.action)}</b>
        <small>${categoryOf(entry)}</small></span>
      <span role="gridcell" class="who">${text(entry.actor, entry.isActorErased)}</span>
      <span role="gridcell" class="on">${text(entry.entity, entry.isEntityErased)}</span>
      <span role="gridcell" class="ip">${text(entry.ip, entry.isActorErased)}</span>
      <span role="gridcell" class="outcome ${failed ? "failure" : "success"}">${failed ? "Failure" : "Success"}</span></div>`;
  }

  #choose(entry) {
    this.#active = entry;
    this.#open(entry);
  }

  /**
   * Goes so many rows up or down; an event that is open gives its place to the one that is reached. The open event is asked for now:
   * the one that is drawn may be older, where two keys come within a frame.
   */
  go(steps) {
    const [log, opened] = [this.#log, this.#opened()];
    if (log.length === 0) return;
    const from = opened ? log.find(opened.sequence) ?? this.#active : this.#active;
    const place = Math.min(log.length - 1, Math.max(0, log.placeOf(from) + steps));
    this.#active = log.entries[place];
    this.#bringIntoSight(place);
    if (opened && this.#active.sequence !== opened.sequence) this.#step(this.#active);
    this.#update();
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#height) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && this.#opened()) this.#close();
    else if ((event.key === "Enter" || event.key === " ") && this.#active) this.#choose(this.#active);
    else if (event.key in steps) this.go(steps[event.key]);
    else return;
    event.preventDefault();
  }

  #bringIntoSight(place) {
    const head = this.#scroller.querySelector(".head")?.offsetHeight ?? 0;
    const [top, bottom] = [place * this.#height, (place + 1) * this.#height + head];
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#scroller.scrollTop = bottom - clientHeight;
  }
}

const text = (value, isErased) => (isErased ? html`<i class="erased">erased</i>` : value ? visible(value) : "\u2014");
