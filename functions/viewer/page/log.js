// The events that match the filters, newest first, under a fixed upper bound: the size of the signed log when the list
// was begun. An event below the bound comes from the time view, page by page; an event above it comes from the feed, which
// moves the bound. So the list has each event once, whatever is recorded meanwhile.
//
// The list keeps the text of a row for each event. It keeps some events complete, and reads the others again.

import { shownParameters } from "./filters.js";
import { actorName, entityName, isErased } from "./words.js";

const FIRST_PAGE = 100;
const PAGE = 500;
const WHOLE_PAGE = 1000;
/** The number of events that are kept complete. */
const WHOLE_KEPT = 2000;
/** The maximum number of events in a list. */
const MOST = 200_000;
/** The number of empty pages in a row after which a person is asked whether to continue. */
const EMPTY_IN_A_ROW = 5;
const LONGEST_TEXT = 300;
/** Time for events to be sealed before they are read again. */
const RECHECKS_MS = [2000, 5000, 10_000];
const RECONNECT_MS = [1000, 2000, 4000, 8000, 15_000];

export class Log extends EventTarget {
  #api;
  #query;
  #abort = new AbortController();
  #texts = new Map();
  #whole = new Map();
  #cursor;
  #loading;
  /** The size of the log when the list was begun. */
  #bound;
  /** The key of the oldest event that was looked at. */
  #frontier = "\uffff";
  /** Events of the feed that are older than the frontier. */
  #waiting = [];

  /** All events of the list, newest first. */
  entries = [];
  isComplete = false;
  /** True if so many pages were empty that a person is asked. */
  isPaused = false;
  isFull = false;
  problem;
  /** How the list follows the log: "off", "on", or "away" while there is no connection. */
  live = "off";
  /** The number of entries of the log that the list is about. */
  size;
  /** Raised with each change of the entries. */
  version = 0;
  /** Events that were met and are not sealed yet, by key. */
  unsealed = new Map();
  /** The keys of events that were met and are newer than the list. */
  newer = new Set();
  /** The time of the oldest event that was looked at. */
  lookedBackTo;
  seen = { category: new Map(), action: new Map(), actor: new Map(), entity: new Map(), outcome: new Map() };

  constructor(api, filters) {
    super();
    this.#api = api;
    this.#query = shownParameters(filters);
    this.#abort.signal.addEventListener("abort", () => this.#whole.clear());
    api.signal.addEventListener("abort", () => this.stop(), { signal: this.#abort.signal });
  }

  get length() {
    return this.entries.length;
  }

  get isLoading() {
    return this.#loading !== undefined;
  }

  get signal() {
    return this.#abort.signal;
  }

  /** The complete event, if it is kept. */
  whole(entry) {
    return this.#whole.get(entry);
  }

  /** The entry of this sequence, if it is loaded. */
  find(sequence) {
    return this.entries.find((entry) => entry.sequence === sequence);
  }

  /** The index of an entry; -1 if it is not in the list. */
  placeOf(entry) {
    const at = this.#placeFor(entry.key);
    return this.entries[at]?.key === entry.key ? at : -1;
  }

  /** Loads the next page. Several calls at once are one. */
  more(limit = this.length === 0 ? FIRST_PAGE : PAGE) {
    if (this.isComplete || this.isFull || this.signal.aborted) return Promise.resolve();
    this.#loading ??= this.#load(limit).finally(() => {
      this.#loading = undefined;
      this.#changed();
    });
    return this.#loading;
  }

  /** Loads all that is left, to count it; stops with `signal`. */
  async rest(signal) {
    while (!this.isComplete && !this.isFull && !this.problem && !signal.aborted && !this.signal.aborted) await this.more(WHOLE_PAGE);
  }

  /** Stops all running requests. */
  stop() {
    this.#abort.abort();
  }

  /** Moves the bound to where the log ends now. */
  async catchUp() {
    while (await this.#advance(0, this.signal));
    this.newer.clear();
    this.#changed();
  }

  /** Moves the bound with the log, until `signal`. Without a connection it is tried again, and goes on where it was. */
  async follow(signal) {
    const either = AbortSignal.any([signal, this.signal]);
    this.live = "on";
    try {
      for (let failures = 0; !either.aborted;) {
        try {
          await this.#advance(this.live === "away" ? 0 : 20, either);
          failures = 0;
          if (this.live !== "on") this.#changed();
          this.live = "on";
        } catch (error) {
          if (either.aborted || error.isOfCredential || (error.status >= 400 && error.status < 500 && error.status !== 429)) throw error;
          this.live = "away";
          this.#changed();
          await pause(RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)], either);
          failures += 1;
        }
      }
    } finally {
      this.live = "off";
      this.#changed();
    }
  }

  /** Adds one page of the feed; true if more events follow at once. */
  async #advance(wait, signal) {
    await this.#begin(signal);
    const query = new URLSearchParams(this.#query);
    query.set("after", this.size - 1);
    query.set("limit", PAGE);
    if (wait > 0) query.set("wait", wait);
    const page = await this.#api.json("audit_logs/feed", query, { signal, timeoutSeconds: 40 });
    if (signal.aborted) return false;
    let arrived = 0;
    for (const event of page.audit_logs) {
      const key = keyOf(event);
      this.unsealed.delete(key);
      this.newer.delete(key);
      if (this.isComplete || key > this.#frontier) arrived += this.#insert(event) ? 1 : 0;
      else this.#waiting.push(event);
    }
    const moved = page.next_after + 1 > this.size;
    this.size = Math.max(this.size, page.next_after + 1);
    if (arrived > 0) this.dispatchEvent(new CustomEvent("arrived", { detail: arrived }));
    if (moved) this.#changed();
    return page.has_more && moved;
  }

  /** Asks where the log ends, once. */
  async #begin(signal) {
    if (this.#bound !== undefined) return;
    const { text } = await this.#api.text("ledger/checkpoint", undefined, { signal });
    const size = Number(text.split("\n")[1]);
    if (!Number.isSafeInteger(size)) throw new Error("The API's checkpoint is not in its form. Try again; if it stays so, tell the operator.");
    if (this.#bound === undefined) [this.#bound, this.size] = [size, size];
  }

  async #load(limit) {
    this.problem = undefined;
    this.isPaused = false;
    this.#changed();
    try {
      await this.#begin(this.signal);
      for (let empty = 0; empty < EMPTY_IN_A_ROW; empty += 1) {
        const before = this.length;
        this.#take(await this.#page(this.#cursor, empty > 0 ? WHOLE_PAGE : limit));
        if (this.length > before || this.isComplete) return;
        this.#changed();
      }
      this.isPaused = true;
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

  /** Adds a page of the time view to the list. */
  #take(page) {
    if (this.signal.aborted) return;
    if (page.has_more && (!page.next_cursor || page.next_cursor === this.#cursor)) {
      throw new Error("The API's page does not say where the next is. Try again; if it stays so, tell the operator.");
    }
    this.#cursor = page.next_cursor ?? undefined;
    this.isComplete = !page.has_more;
    for (const event of page.audit_logs) this.#meet(event);
    const last = page.audit_logs.at(-1);
    if (last) [this.#frontier, this.lookedBackTo] = [keyOf(last), last.timestamp];
    const isReached = (event) => this.isComplete || keyOf(event) > this.#frontier;
    for (const event of this.#waiting.filter(isReached)) this.#insert(event);
    this.#waiting = this.#waiting.filter((event) => !isReached(event));
    this.isFull = this.length >= MOST;
    if (this.unsealed.size > 0) this.#recheck();
  }

  #meet(event) {
    const key = keyOf(event);
    if (event.sequence === null) this.unsealed.set(key, event);
    else if (!(event.sequence >= this.#bound)) this.#insert(event);
    else if (event.sequence >= this.size) this.newer.add(key);
  }

  #rechecking = false;

  /** Looks again at events that were not sealed when they were read: an index may have been behind. */
  async #recheck() {
    if (this.#rechecking) return;
    this.#rechecking = true;
    try {
      for (const wait of RECHECKS_MS) {
        await pause(wait, this.signal);
        if (this.unsealed.size === 0) return;
        const times = [...this.unsealed.values()].map(({ timestamp }) => timestamp).sort();
        const query = new URLSearchParams(this.#query);
        query.set("start_timestamp", times[0]);
        query.set("order", "asc");
        query.set("limit", WHOLE_PAGE);
        const { audit_logs } = await this.#api.json("audit_logs", query, { signal: this.signal });
        for (const event of audit_logs) {
          if (event.sequence !== null && this.unsealed.delete(keyOf(event))) this.#meet(event);
        }
        this.#changed();
      }
    } catch {
      // They stay among those that are not sealed; the next page looks again.
    } finally {
      this.#rechecking = false;
    }
  }

  /** The place of a key, or where it would be. */
  #placeFor(key) {
    let [low, high] = [0, this.entries.length];
    // Most come at the end.
    if (high > 0 && this.entries[high - 1].key > key) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle].key > key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts an event in its place; false if it is there. */
  #insert(event) {
    const key = keyOf(event);
    const at = this.#placeFor(key);
    if (this.entries[at]?.key === key) return false;
    const entry = this.#entryOf(event, key);
    if (at === this.entries.length) this.entries.push(entry);
    else this.entries.splice(at, 0, entry);
    this.#whole.set(entry, event);
    if (this.#whole.size > WHOLE_KEPT) this.#whole.delete(this.#whole.keys().next().value);
    this.#count(entry);
    return true;
  }

  /** The text of an event's row. */
  #entryOf(event, key) {
    const { actor, entity } = event;
    return {
      key, id: event.id, timestamp: event.timestamp, sequence: event.sequence, time: Date.parse(event.timestamp),
      action: this.#once(event.action), category: this.#once(event.category), outcome: this.#once(event.outcome),
      actor: this.#once(actorName(event)), actorId: this.#once(actor?.user_id, Infinity), isActorErased: isErased(event, "actor"),
      entity: this.#once(entityName(event)), entityType: this.#once(entity?.entity_type, Infinity), entityId: this.#once(entity?.entity_id, Infinity),
      isEntityErased: isErased(event, "entity"), ip: this.#once(actor?.ip),
    };
  }

  /** An equal text that exists already, so that it is in memory once. */
  #once(text, longest = LONGEST_TEXT) {
    if (typeof text !== "string") return "";
    const short = text.length > longest ? `${text.slice(0, longest).toWellFormed()}\u2026` : text;
    if (!this.#texts.has(short)) this.#texts.set(short, short);
    return this.#texts.get(short);
  }

  #count({ category, action, outcome, actor, actorId, entity, entityType, entityId }) {
    this.#see("category", category, category);
    this.#see("action", action, action);
    this.#see("outcome", outcome, outcome);
    if (actorId) this.#see("actor", actorId, actor);
    if (entityId) this.#see("entity", JSON.stringify([entityType, entityId]), entity);
  }

  #see(kind, value, label) {
    const known = this.seen[kind].get(value);
    if (known) known.count += 1;
    else this.seen[kind].set(value, { label, count: 1 });
  }

  #changed() {
    this.version += 1;
    if (!this.signal.aborted) this.dispatchEvent(new CustomEvent("change"));
  }
}

/** The order of the time view: by time, then by id. */
const keyOf = (event) => `${event.timestamp}#${event.id}`;

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
