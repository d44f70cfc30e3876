// Random walks over the page: after each step, the rows are those that the API has under the bound that the page names.
//
//   STEPS=1000 WALK_EVENTS=5000 tests/viewer.sh      the whole; SEED=… repeats a walk

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, close, done, event, jwtOf, launch, ready, record, sealed, signIn, tokenOf, visit } from "./stage.mjs";

const STEPS = Number(process.env.STEPS ?? 80);
const EVENTS = Number(process.env.WALK_EVENTS ?? 1200);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const WORKSPACE = "walk";
const BEGIN = Date.parse("2026-03-01T00:00:00Z");

before(launch);
after(close);

/** A small generator of random numbers (mulberry32), so that a seed repeats a walk. */
function generator(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** All events of the API's time view, newest first. */
async function listed(token, query = "") {
  const all = [];
  for (let cursor; ;) {
    const page = await call("GET", `${WORKSPACE}/audit_logs?limit=1000${query}${cursor ? `&cursor=${cursor}` : ""}`, token);
    all.push(...page.audit_logs);
    if (!page.has_more) return all;
    cursor = page.next_cursor;
  }
}

/** All sealed events of the API's feed, as they come. */
class Feed {
  #after = -1;
  #events = [];

  constructor(token) {
    this.token = token;
  }

  /** Those that match a query, newest first, as they are now. */
  async matching(query) {
    for (let hasMore = true; hasMore;) {
      const page = await call("GET", `${WORKSPACE}/audit_logs/feed?limit=1000&after=${this.#after}`, this.token);
      this.#events.push(...page.audit_logs);
      [this.#after, hasMore] = [page.next_after, page.has_more];
    }
    const wanted = new URLSearchParams(query);
    const has = (name, value) => !wanted.has(name) || wanted.getAll(name).includes(value);
    const matches = ({ actor, category, outcome, entity }) => has("actor", actor?.user_id) && has("category", category)
      && has("outcome", outcome) && has("entity_type", entity?.entity_type) && has("entity_id", entity?.entity_id);
    const key = ({ timestamp, id }) => `${timestamp}#${id}`;
    return this.#events.filter(matches).sort((one, other) => (key(one) < key(other) ? 1 : -1));
  }
}

const FILTERS = ["", "actor=u3", "category=user_groups", "outcome=failure", "actor=u3&category=report_activity&category=user_groups", "reads=shown&actor=unknown", "entity_type=group&entity_id=g7"];

/** The API's parameters of an address of the page, and whether records of reads are shown. */
function asked(url) {
  const query = new URLSearchParams(new URL(url).hash.split("?")[1] ?? "");
  const hasReads = query.get("reads") === "shown";
  query.delete("reads");
  query.delete("event");
  return { query: query.size > 0 ? `&${query}` : "", hasReads };
}

/** The rows that are in the document, the bound, and how many rows the list has. */
const look = (page) => page.evaluate(() => {
  const table = document.querySelector(".table");
  const isEmpty = document.querySelector(".empty") !== null;
  return {
    isEmpty, size: Number(document.querySelector(".events").dataset.size), length: Math.round((table?.querySelector(".rows").offsetHeight ?? 0) / 40),
    isComplete: table ? table.getAttribute("aria-rowcount") !== "-1" : isEmpty && document.getElementById("further") === null,
    rows: [...document.querySelectorAll(".rows .row")].map((row) => [Number(row.dataset.index), row.dataset.id]),
    problem: document.querySelector(".bar .problem")?.innerText,
  };
});

const isQuiet = () => document.querySelector(".empty") !== null
  || (document.querySelector(".events")?.dataset.size && document.querySelector(".table") !== null && !/Loading|loading|Not loaded/.test(document.querySelector(".timeline-head").innerText));

test(`${STEPS} random steps over ${EVENTS} events show what the API has (SEED=${SEED})`, { timeout: 3_600_000 }, async (t) => {
  const random = generator(SEED);
  const token = await tokenOf(WORKSPACE, jwtOf(WORKSPACE));
  const reader = await tokenOf(WORKSPACE, jwtOf(WORKSPACE));
  await record(WORKSPACE, token, Array.from({ length: EVENTS }, (_, number) => event(number)));
  await sealed(WORKSPACE, token, EVENTS);
  const feed = new Feed(token);
  const page = await visit();
  page.ignoreNetwork = true;
  await signIn(page, WORKSPACE, reader);
  await page.waitForFunction(isQuiet);
  let [recorded, compared, isOffline, last] = [0, 0, false, "signing in"];
  const counts = {};
  const add = async (late) => {
    const number = 1 + random(3);
    await record(WORKSPACE, token, Array.from({ length: number }, () => {
      recorded += 1;
      const sample = event(random(EVENTS), BEGIN);
      return { ...sample, id: `new-${SEED}-${recorded}`, timestamp: late ? sample.timestamp : new Date(BEGIN + EVENTS * 7000 + recorded * 1000).toISOString() };
    }));
  };
  const steps = {
    "scroll somewhere": () => page.evaluate((share) => { const table = document.querySelector(".table"); if (table) table.scrollTop = table.scrollHeight * share; }, random(1000) / 1000),
    "scroll to the end": () => page.evaluate(() => { const table = document.querySelector(".table"); if (table) table.scrollTop = table.scrollHeight; }),
    "scroll to the top": () => page.evaluate(() => { const table = document.querySelector(".table"); if (table) table.scrollTop = 0; }),
    "turn Live": () => page.evaluate(() => document.getElementById("live")?.click()),
    "set filters": () => page.evaluate((hash) => { location.hash = hash; }, `#/${WORKSPACE}/events?${FILTERS[random(FILTERS.length)]}`),
    "go back": () => page.evaluate(() => { if (navigation.currentEntry.index > 1) history.back(); }),
    "go forward": () => page.evaluate(() => { if (navigation.canGoForward) history.forward(); }),
    "record new events": () => add(false),
    "record late events": () => add(true),
    "show newer events": () => page.evaluate(() => document.getElementById("newer")?.click()),
    "lose or find the network": async () => {
      isOffline = !isOffline;
      await page.context().setOffline(isOffline);
    },
    "open an event": () => page.evaluate(() => document.querySelectorAll(".rows .row")[3]?.click()),
    "close it": () => page.evaluate(() => document.querySelector(".detail [aria-label^=Close]")?.click()),
    "try again": () => page.evaluate(() => document.querySelector(".problem button")?.click()),
    "look further": () => page.evaluate(() => document.getElementById("further")?.click()),
  };

  /** Holds the rows in sight against the API. */
  async function compare(step, isByTime) {
    await page.waitForFunction(isQuiet, undefined, { timeout: 60_000 });
    const seen = await look(page);
    if (seen.problem) return;
    const { query, hasReads } = asked(page.url());
    const all = isByTime ? await listed(token, query) : await feed.matching(query);
    const expected = all.filter(({ sequence, action }) => sequence !== null && sequence < seen.size && (hasReads || action !== "audit_log_accessed"));
    assert.ok(seen.length <= expected.length, `${step}: ${seen.length} rows of ${expected.length}`);
    if (seen.isComplete) assert.equal(seen.length, expected.length, `${step}: the complete list`);
    assert.deepEqual(seen.rows.map(([, id]) => id), seen.rows.map(([index]) => expected[index]?.id), `${step}: at ${page.url()}, bound ${seen.size}`);
    compared += seen.rows.length;
  }

  try {
    for (let number = 0; number < STEPS; number += 1) {
      const name = Object.keys(steps)[random(Object.keys(steps).length)];
      counts[name] = (counts[name] ?? 0) + 1;
      last = `step ${number}, ${name}`;
      await steps[name]();
      await page.waitForTimeout(30);
      // Without a network nothing more is expected than that what is shown is right.
      if (isOffline && random(3) === 0) await steps["lose or find the network"]();
      await compare(last, number % 25 === 0);
    }
    if (isOffline) await steps["lose or find the network"]();
    // At the end, the whole list.
    await page.evaluate((hash) => { location.hash = hash; }, `#/${WORKSPACE}/events?outcome=success`);
    await page.waitForFunction(isQuiet);
    const ids = new Map();
    for (let at = 0; ;) {
      const { rows, length, isComplete } = await look(page);
      for (const [index, id] of rows) ids.set(index, id);
      if (isComplete && at >= length * 40) break;
      at += 400;
      await page.evaluate((top) => { document.querySelector(".table").scrollTop = top; }, at);
      await page.waitForTimeout(50);
      await page.waitForFunction(isQuiet);
    }
    const { size } = await look(page);
    const expected = (await listed(token, "&outcome=success")).filter(({ sequence, action }) => sequence !== null && sequence < size && action !== "audit_log_accessed");
    assert.deepEqual([...ids].sort(([one], [other]) => one - other).map(([, id]) => id), expected.map(({ id }) => id));
  } catch (error) {
    error.message = `SEED=${SEED}, ${last}: ${error.message}`;
    throw error;
  }
  t.diagnostic(`SEED=${SEED}: ${compared} rows compared, ${recorded} events recorded meanwhile; ${JSON.stringify(counts)}`);
  await done(page);
});
