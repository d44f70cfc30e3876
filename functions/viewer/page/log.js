// The events that match the filters, newest first, as far as they were asked for. Only some pages are kept in memory:
// what was scrolled past is forgotten, and asked for again when somebody comes back to it.

import { parameters } from "./filters.js";

const FIRST_PAGE = 100;
const PAGE = 500;
const WHOLE_PAGE = 1000;
/** How many pages are kept at most, beside those that come in live. */
const PAGES_KEPT = 8;
const LIVE_KEPT = 2000;
/** How many values of a kind are counted; of the rest nobody could choose by eye. */
const VALUES_COUNTED = 500;
/** How many pages are asked for in a row that had nothing in them, before somebody is asked whether to go on. */
const EMPTY_IN_A_ROW = 20;

export class Log extends EventTarget {
  #api;
  #query;
  #abort = new AbortController();
  #pages = [];
  #used = [];
  #live = [];
  #liveIds = new Set();
  #loading;
  #cursor;
  #refetching = new Set();

  constructor(api, filters) {
    super();
    this.#api = api;
    this.#query = parameters(filters);
    this.isComplete = false;
    this.problem = undefined;
    this.seen = { category: new Map(), action: new Map(), actor: new Map(), entity: new Map(), outcome: new Map() };
  }

  /** How many events are known of: those that came live, and those of all pages that were loaded. */
  get length() {
    const last = this.#pages.at(-1);
    return this.#live.length + (last ? last.start + last.times.length : 0);
  }

  /** How many of them are in memory. */
  get held() {
    return this.#live.length + this.#pages.reduce((sum, page) => sum + (page.events?.length ?? 0), 0);
  }

  get isLoading() {
    return this.#loading !== undefined;
  }

  get signal() {
    return this.#abort.signal;
  }

  /** The event in that place; `undefined` where it was forgotten, and is being asked for again. */
  at(index) {
    if (index < this.#live.length) return this.#live[index];
    const page = this.#pageOf(index - this.#live.length);
    if (!page) return undefined;
    if (!page.events) {
      this.#again(page);
      return undefined;
    }
    this.#use(page);
    return page.events[index - this.#live.length - page.start];
  }

  /** The times of all events, and whether each failed: page by page, to be counted. */
  *moments() {
    for (const event of this.#live) yield [Date.parse(event.timestamp), event.outcome === "failure" ? 1 : 0];
    for (const { times, failed } of this.#pages) {
      for (let index = 0; index < times.length; index += 1) yield [times[index], failed[index]];
    }
  }

  /** Loads the next page. Several calls at once are one. */
  more(limit = this.#pages.length === 0 ? FIRST_PAGE : PAGE) {
    if (this.isComplete || this.signal.aborted) return Promise.resolve();
    this.#loading ??= this.#load(limit).finally(() => {
      this.#loading = undefined;
      this.#changed();
    });
    return this.#loading;
  }

  /** Loads all that is left, to count it; stops with `signal`. */
  async rest(signal) {
    while (!this.isComplete && !this.problem && !signal.aborted && !this.signal.aborted) await this.more(WHOLE_PAGE);
  }

  /** Stops whatever is under way. */
  stop() {
    this.#abort.abort();
  }

  /** Shows new events as they are sealed, until `signal`. */
  async follow(signal) {
    const either = AbortSignal.any([signal, this.signal]);
    // Where the log ends now is told by its checkpoint, which is no read of events.
    const checkpoint = (await this.#api.text("ledger/checkpoint", undefined, { signal: either })).text;
    let after = Number(checkpoint.split("\n")[1]) - 1;
    while (!either.aborted) {
      const query = new URLSearchParams(this.#query);
      query.set("after", after);
      query.set("wait", 20);
      query.set("limit", PAGE);
      const page = await this.#api.json("audit_logs/feed", query, { signal: either });
      after = page.next_after;
      const fresh = page.audit_logs.filter((event) => !this.#replace(event));
      if (fresh.length === 0) {
        if (page.audit_logs.length > 0) this.#changed();
        continue;
      }
      if (this.#live.length + fresh.length > LIVE_KEPT) {
        this.dispatchEvent(new CustomEvent("overflow"));
        return;
      }
      fresh.reverse();
      for (const event of fresh) {
        this.#liveIds.add(key(event));
        this.#count(event);
      }
      this.#live.unshift(...fresh);
      this.dispatchEvent(new CustomEvent("arrived", { detail: fresh.length }));
      this.#changed();
    }
  }

  async #load(limit) {
    this.problem = undefined;
    this.#changed();
    try {
      for (let empty = 0; empty < EMPTY_IN_A_ROW; empty += 1) {
        const cursor = this.#cursor;
        const page = await this.#page(cursor, limit);
        this.#cursor = page.next_cursor ?? undefined;
        this.isComplete = !page.has_more;
        const events = page.audit_logs.filter((event) => !this.#liveIds.has(key(event)));
        if (events.length > 0) {
          const last = this.#pages.at(-1);
          const loaded = {
            cursor, start: last ? last.start + last.times.length : 0, events,
            times: Float64Array.from(events, (event) => Date.parse(event.timestamp)),
            failed: Uint8Array.from(events, (event) => (event.outcome === "failure" ? 1 : 0)),
          };
          events.forEach((event) => this.#count(event));
          this.#pages.push(loaded);
          this.#use(loaded);
        }
        if (events.length > 0 || this.isComplete) return;
        this.#changed();
      }
    } catch (error) {
      if (!this.signal.aborted) this.problem = error;
    }
  }

  #page(cursor, limit) {
    const query = new URLSearchParams(this.#query);
    query.set("limit", limit);
    if (cursor) query.set("cursor", cursor);
    return this.#api.json("audit_logs", query, { signal: this.signal });
  }

  /** Asks again for a page that was forgotten. */
  async #again(page) {
    if (this.#refetching.has(page) || this.signal.aborted) return;
    this.#refetching.add(page);
    try {
      const { audit_logs } = await this.#page(page.cursor, page.times.length);
      page.events = audit_logs;
      this.#use(page);
      this.#changed();
    } catch (error) {
      if (!this.signal.aborted) this.problem = error;
    } finally {
      this.#refetching.delete(page);
    }
  }

  /** The page of a place among the pages, by halving. */
  #pageOf(index) {
    let [low, high] = [0, this.#pages.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pages[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    const page = this.#pages[low];
    return page && index - page.start < page.times.length ? page : undefined;
  }

  /** Notes that a page was looked at, and forgets the one that was longest not. */
  #use(page) {
    if (this.#used.at(-1) === page) return;
    this.#used = this.#used.filter((other) => other !== page);
    this.#used.push(page);
    while (this.#used.length > PAGES_KEPT) this.#used.shift().events = undefined;
  }

  /** Puts a sealed event in the place of itself as it was before; false where it was not shown. */
  #replace(event) {
    for (const events of [this.#live, ...this.#pages.map((page) => page.events ?? [])]) {
      const index = events.findIndex((other) => key(other) === key(event));
      if (index >= 0) {
        events[index] = event;
        return true;
      }
    }
    return false;
  }

  #count(event) {
    const { category, action, actor, entity, outcome } = event;
    this.#see("category", category, category);
    this.#see("action", action, action);
    this.#see("outcome", outcome, outcome);
    if (actor?.user_id) this.#see("actor", actor.user_id, actor.username || actor.user_id);
    if (entity) {
      const value = JSON.stringify([entity.entity_type, entity.entity_id]);
      this.#see("entity", value, entity.entity_name || entity.entity_id);
    }
  }

  #see(kind, value, label) {
    const known = this.seen[kind].get(value);
    if (known) known.count += 1;
    else if (this.seen[kind].size < VALUES_COUNTED) this.seen[kind].set(value, { label, count: 1 });
  }

  #changed() {
    if (!this.signal.aborted) this.dispatchEvent(new CustomEvent("change"));
  }
}

const key = (event) => `${event.timestamp}#${event.id}`;
