// A chart of the number of loaded events over time, in which a range can be selected by pointer or keys.

import { html, nothing, svg } from "./lit-html/lit-html.js";
import { announce, count, moment, plural, second, timestamp } from "./words.js";

const BARS = 72;
const [WIDTH, HEIGHT] = [720, 72];
/** The span of the chart before the newest event, if most events are in it. */
const SPAN_MS = 92 * 86_400_000;

export class Timeline {
  #log;
  #filters;
  #choose;
  #update;
  #version;
  #range;
  #bars = [];
  #brush;
  #cursor;
  #counting;
  #isWhole = false;

  /** `choose` is called with the two ends of a range, as times of the API. */
  constructor({ choose, update }) {
    [this.#choose, this.#update] = [choose, update];
  }

  /** Sorts the loaded events into bars. */
  #count() {
    const { entries } = this.#log;
    const [last, first] = [entries[0]?.time, entries.at(-1)?.time];
    const [from, before] = ["start_timestamp", "end_timestamp"].map((name) => Date.parse(this.#filters[name] ?? ""));
    const end = Number.isFinite(before) ? before : last + 1;
    // Where most events are recent, a few old ones do not take the chart's room.
    const isRecent = entries[entries.length >> 1]?.time >= end - SPAN_MS;
    const isClipped = !Number.isFinite(from) && !this.#isWhole && end - first > SPAN_MS && isRecent;
    const start = Number.isFinite(from) ? from : isClipped ? end - SPAN_MS : first;
    this.#bars = Array.from({ length: BARS }, () => ({ success: 0, failure: 0 }));
    this.#range = undefined;
    if (!Number.isFinite(start) || !Number.isFinite(end)) return;
    const range = { start, end: Math.max(end, start + 1000), first: Date.parse(this.#log.lookedBackTo ?? ""), earlier: 0 };
    const span = range.end - start;
    for (const { time, outcome } of entries) {
      if (time < start) range.earlier += 1;
      else this.#bars[Math.min(BARS - 1, Math.floor(((time - start) / span) * BARS))][outcome === "failure" ? "failure" : "success"] += 1;
    }
    this.#range = range;
  }

  #timeOf(bar) {
    const { start, end } = this.#range;
    return start + ((end - start) * bar) / BARS;
  }

  view(log, filters) {
    if (this.#log !== log) {
      this.#counting?.abort();
      [this.#log, this.#filters, this.#brush, this.#cursor, this.#version, this.#counting] = [log, filters];
      this.#isWhole = false;
    }
    if (this.#version !== log.version) this.#count();
    this.#version = log.version;
    return html`<section class="timeline" aria-label="Timeline">
      <div class="timeline-head"><p><b>${this.#summary()}</b></p>
        ${!log.isComplete && !log.isFull && log.length > 0 ? this.#counting
          ? html`<button class="quiet" @click=${() => this.#counting.abort()}>Stop counting</button>`
          : html`<button class="quiet" @click=${() => this.#countAll()}>Count them all</button>` : nothing}
        ${this.#range?.earlier > 0 || this.#isWhole ? html`<button class="quiet" @click=${() => this.#turn()}>${this.#isWhole
          ? "Chart the last three months" : `${plural(this.#range.earlier, "earlier event")} not on the chart: chart all`}</button>` : nothing}
      </div>
      ${this.#range ? this.#chart() : html`<div class="no-chart"></div>`}</section>`;
  }

  #summary() {
    const { length, isComplete, isFull, isLoading, lookedBackTo } = this.#log;
    if (length === 0 && !isComplete) return isLoading ? "Loading\u2026" : lookedBackTo ? `None back to ${second(lookedBackTo)} UTC` : "Not loaded";
    if (isComplete) return plural(length, "event");
    if (isFull) return `${plural(length, "event")}, as many as the page can show. Set filters to see others.`;
    return `The newest ${plural(length, "event")}; there are older ones${isLoading ? ", loading\u2026" : ""}`;
  }

  #turn() {
    [this.#isWhole, this.#version] = [!this.#isWhole, undefined];
    this.#update();
  }

  #chart() {
    const { start, end, first } = this.#range;
    const highest = Math.max(1, ...this.#bars.map(({ success, failure }) => success + failure));
    const width = WIDTH / BARS;
    const scale = (number) => (number === 0 ? 0 : Math.max(2, (number / highest) * (HEIGHT - 4)));
    const bars = this.#bars.map(({ success, failure }, index) => {
      const [all, bad] = [scale(success + failure), Math.min(scale(failure), scale(success + failure))];
      const x = index * width + 0.5;
      return svg`<g><title>${this.#told(index)}</title>
        <rect class="reach" x=${index * width} y="0" width=${width} height=${HEIGHT}></rect>
        <rect class="success" x=${x} y=${HEIGHT - all} width=${width - 1} height=${all - bad}></rect>
        <rect class="failure" x=${x} y=${HEIGHT - bad} width=${width - 1} height=${bad}></rect></g>`;
    });
    // Before the oldest event that is loaded there may be others.
    const unknown = this.#log.isComplete || !(first > start) ? 0 : Math.min(WIDTH, ((first - start) / (end - start)) * WIDTH);
    const brush = this.#brush && [Math.min(...this.#brush), Math.max(...this.#brush) + 1];
    const span = end - start;
    return html`
      <div class="chart" tabindex="0" role="group" aria-roledescription="histogram"
        aria-label="Events by time, ${moment(start, span)} to ${moment(end, span)}, at most ${count(highest)} in a bar. Arrow keys go from bar to bar, with Shift they select, Enter shows the range, Escape lets it go."
        @keydown=${(event) => this.#key(event)} @pointerdown=${(event) => this.#down(event)}
        @pointermove=${(event) => this.#move(event)} @pointerup=${() => this.#apply()} @pointercancel=${() => this.#let()}>
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
          ${svg`<defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line class="hatch" x1="0" y1="0" x2="0" y2="6"></line></pattern></defs>
          <rect x="0" y="0" width=${unknown} height=${HEIGHT} fill="url(#unknown)"></rect>
          ${bars}
          ${brush ? svg`<rect class="brush" x=${brush[0] * width} y="0" width=${(brush[1] - brush[0]) * width} height=${HEIGHT}></rect>` : nothing}`}
        </svg>
      </div>
      <div class="axis" aria-hidden="true"><span>${moment(start, span)}</span>
        <span>${brush ? `${moment(this.#timeOf(brush[0]), span)} \u2013 ${moment(this.#timeOf(brush[1]), span)}` : "drag to choose a range"}</span>
        <span>${moment(end, span)}</span></div>`;
  }

  #told(index) {
    const { success, failure } = this.#bars[index];
    const span = this.#range.end - this.#range.start;
    const failures = failure > 0 ? `, ${plural(failure, "failure")}` : "";
    return `${moment(this.#timeOf(index), span)} \u2013 ${moment(this.#timeOf(index + 1), span)} UTC: ${plural(success + failure, "event")}${failures}`;
  }

  async #countAll() {
    const [log, mine] = [this.#log, new AbortController()];
    this.#counting = mine;
    this.#update();
    await log.rest(mine.signal);
    if (this.#counting !== mine) return;
    this.#counting = undefined;
    announce(plural(log.length, "event"));
    this.#update();
  }

  #barAt(event) {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return Math.min(BARS - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * BARS)));
  }

  #down(event) {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const bar = this.#barAt(event);
    this.#brush = [bar, bar];
    this.#update();
  }

  #move(event) {
    if (!this.#brush || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    this.#brush = [this.#brush[0], this.#barAt(event)];
    this.#update();
  }

  #let() {
    this.#brush = undefined;
    this.#update();
  }

  #apply() {
    if (!this.#brush || !this.#range) return;
    const [from, to] = [Math.min(...this.#brush), Math.max(...this.#brush) + 1];
    this.#brush = undefined;
    // An end of the chart that was not a filter does not become one, so that later events are shown too.
    const isLast = to === BARS && !this.#filters.end_timestamp;
    const isFirst = from === 0 && !this.#filters.start_timestamp && this.#log.isComplete;
    this.#choose(
      isFirst ? this.#filters.start_timestamp : timestamp(Math.floor(this.#timeOf(from))),
      isLast ? this.#filters.end_timestamp : timestamp(Math.ceil(this.#timeOf(to))),
    );
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const before = this.#cursor ?? (step > 0 ? -1 : BARS);
      this.#cursor = Math.min(BARS - 1, Math.max(0, before + step));
      this.#brush = [event.shiftKey && this.#brush ? this.#brush[0] : this.#cursor, this.#cursor];
      announce(this.#told(this.#cursor));
      this.#update();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#apply();
    } else if (event.key === "Escape" && this.#brush) {
      event.stopPropagation();
      this.#let();
    }
  }
}
