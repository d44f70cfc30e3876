// The page: one state, and one way to draw it. The address says what is shown; a change of the address changes the state.

import { Tokens } from "./admin.js";
import { actionLabel, categoryLabel, loadCatalogue } from "./catalogue.js";
import { Detail } from "./detail.js";
import { save } from "./export.js";
import { Facets } from "./facets.js";
import { LABELS, address, entries, none, parameters, place, showsReads } from "./filters.js";
import { html, nothing, render } from "./lit-html/lit-html.js";
import { Log } from "./log.js";
import { SignIn } from "./signin.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";
import { announce, count, plain, plural, second, visible } from "./words.js";

const header = document.getElementById("top");
const content = document.getElementById("content");
const WIDE = matchMedia("(min-width: 64rem)");

const state = {
  here: place(location.hash),
  /** The sessions: that of a token and that of an admin, each an API with what belongs to it alone. */
  token: undefined,
  admin: undefined,
  signIn: undefined,
  tokens: undefined,
  log: undefined,
  query: undefined,
  /** The event that is open: its sequence, and once it is there, the event, or a problem. */
  opened: undefined,
  live: undefined,
  saving: undefined,
  /** Problems by the action that failed, each with the next step. */
  problems: new Map(),
  waiting: 0,
  isFiltersOpen: WIDE.matches,
};
let frame;

const table = new Table({ open: (entry) => open(entry), opened: () => state.opened, step: (entry) => replace({ event: entry.sequence }), close, update });
const timeline = new Timeline({ choose: (start_timestamp, end_timestamp) => go({ filters: { ...state.here.filters, start_timestamp, end_timestamp } }), update });
const facets = new Facets({ change: (filters) => go({ filters }), update });
const detail = new Detail({
  search: (filters) => go({ filters: { ...none(), ...filters } }), close, retry: () => openSequence(state.here.event), update,
  go: (step) => table.go(step),
});

/** Draws at the next frame. */
function update() {
  frame ??= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(frame);
  frame = undefined;
  const focused = document.activeElement?.id;
  render(headerView(), header);
  render(contentView(), content);
  const workspace = state.token?.api.workspace ?? state.admin?.api.workspace;
  document.title = workspace ? `Audit log of ${workspace}` : "Audit log";
  if (state.signIn) state.signIn.placed();
  else if (state.tokens) state.tokens.placed();
  else {
    table.placed();
    detail.placed();
    const { log } = state;
    const wantsMore = log && !log.isComplete && !log.isLoading && !log.problem && !log.isPaused && !log.isFull;
    if (wantsMore && table.isAtEnd) log.more();
  }
  // The focused element keeps the focus, wherever it is drawn now.
  const again = focused && document.activeElement?.id !== focused ? document.getElementById(focused) : undefined;
  if (again && !document.activeElement?.closest("dialog, .created")) again.focus({ preventScroll: true });
}

function contentView() {
  if (state.signIn) return state.signIn.view();
  if (state.tokens) return state.tokens.view();
  const { log, here } = state;
  if (!log) return nothing;
  const isEmpty = log.length === 0 && (log.isComplete || Boolean(log.problem) || log.isPaused);
  return html`<div class="events" data-size=${log.size ?? ""}>
    <details class="side" ?open=${state.isFiltersOpen} @toggle=${({ target }) => { state.isFiltersOpen = target.open; }}>
      <summary>${filtersTitle()}</summary>${facets.view(log, here.filters)}</details>
    <div class="middle">${barView()}
      ${isEmpty ? emptyView() : html`${timeline.view(log, here.filters)}${table.view(log, state.opened)}`}</div>
    ${state.opened ? detail.view(state.opened, state.token) : nothing}</div>`;
}

function filtersTitle() {
  const { length } = entries(state.here.filters);
  return length > 0 ? `Filters (${length})` : "Filters";
}

function headerView() {
  const { here, token, admin } = state;
  const session = token ?? admin;
  const link = (view, label) => html`<a href=${address({ workspace: session?.api.workspace ?? here.workspace, view, filters: none() })}
    aria-current=${here.view === view ? "page" : "false"}>${label}</a>`;
  return html`<div class="brand"><svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#1d4ed8" /><path d="M9 9h14M9 16h14M9 23h6" stroke="#fff" stroke-width="3" stroke-linecap="round" />
        <path d="m18 23 3 3 5-6" fill="none" stroke="#86efac" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" /></svg>
      <span>Audit log</span>${session ? html`<b class="workspace">${session.api.workspace}</b>` : nothing}</div>
    <nav aria-label="Parts">${link("events", "Events")}${link("tokens", "Tokens")}</nav>
    ${session ? html`<button class="quiet" @click=${() => signOut()}>Sign out</button>` : nothing}`;
}

function barView() {
  const { log, here, live, saving } = state;
  const chosen = entries(here.filters);
  const says = { on: "Live", away: "Live: reconnecting\u2026", off: "Live" }[live ? log.live : "off"];
  return html`<div class="bar">
    <h1 class="visually-hidden">Events of ${state.token.api.workspace}</h1>
    <div class="chips" role="group" aria-label="The filters that are set">${chosen.map((entry) => html`<button class="chip" @click=${() => go({ filters: entry.without })}
        aria-label="No longer filter by ${LABELS[entry.name]} ${plain(told(entry))}"><small>${LABELS[entry.name]}</small> ${visible(told(entry))} <span aria-hidden="true">✕</span></button>`)}
      ${chosen.length > 1 ? html`<button class="quiet" @click=${() => go({ filters: { ...none(), hasReads: here.filters.hasReads } })}>Clear all</button>` : nothing}</div>
    <div class="actions">
      <button class="live" id="live" aria-pressed=${Boolean(live)} @click=${follow}><span class="dot" aria-hidden="true"></span> ${says}</button>
      ${saving ? html`<button id="save" @click=${() => saving.abort()}>Stop saving (${plural(saving.pages, "page")})</button>`
        : html`<button id="save" @click=${() => saveAll("csv")}>Save as CSV</button><button @click=${() => saveAll("ndjson")}>Save as NDJSON</button>`}
    </div>
    ${state.waiting > 0 ? html`<p class="waiting" role="status">The API asks for a pause of ${plural(state.waiting, "second")}…</p>` : nothing}
    ${log.problem ? problemView(log.problem.message, () => log.more()) : nothing}
    ${[...state.problems].map(([name, { message, again }]) => problemView(message, () => {
      state.problems.delete(name);
      again();
    }, () => {
      state.problems.delete(name);
      update();
    }))}
    ${log.newer.size > 0 && !live ? html`<p class="notice">${plural(log.newer.size, "newer event")} came in since. <button id="newer" @click=${showNewer}>Show newer events</button></p>` : nothing}
    ${log.isPaused ? html`<p class="notice" role="status">${log.lookedBackTo ? `Nothing to show back to ${second(log.lookedBackTo)} UTC` : "Nothing to show yet"}; there are older events.
      <button id="further" @click=${() => log.more()}>Look further</button></p>` : nothing}
    ${log.unsealed.size > 0 ? html`<details class="notice"><summary>${plural(log.unsealed.size, "event is", "events are")} recorded and not sealed yet</summary>
      <ul>${[...log.unsealed.values()].slice(0, 100).map((event) => html`<li>${second(event.timestamp)} ${actionLabel(event.action)}
        ${visible(event.actor?.username || event.actor?.user_id || "")}</li>`)}</ul></details>` : nothing}</div>`;
}

function problemView(message, again, dismiss) {
  return html`<p class="problem" role="alert">${message} <button @click=${again}>Try again</button>
    ${dismiss ? html`<button class="quiet" aria-label="Dismiss" @click=${dismiss}>✕</button>` : nothing}</p>`;
}

function emptyView() {
  const { log, here } = state;
  const chosen = entries(here.filters);
  return html`<div class="empty"><p>${!log.isComplete ? "" : chosen.length > 0 ? "No event matches these filters." : showsReads(here.filters)
      ? "Nothing has been recorded in this workspace yet." : "Nothing has been recorded in this workspace yet, apart from reads of this log."}</p>
    <div class="actions">${chosen.length > 0 ? html`<button @click=${() => go({ filters: none() })}>Show all events</button>` : nothing}
    ${log.isComplete && !showsReads(here.filters) ? html`<button @click=${() => go({ filters: { ...here.filters, hasReads: true } })}>Show records of reads</button>` : nothing}</div></div>`;
}

function told({ name, value }) {
  if (name === "category" || name === "not_category") return categoryLabel(value);
  if (name === "action" || name === "not_action") return actionLabel(value);
  return name.endsWith("_timestamp") && second(value) !== value ? `${second(value)} UTC` : value;
}

/** Goes to another place; the open event is closed unless the place names one. */
function go(changes) {
  location.hash = address({ ...state.here, event: undefined, ...changes });
}

/** The same, without a step in the history. */
function replace(changes) {
  history.replaceState(null, "", address({ ...state.here, ...changes }));
  show();
}

/** Sets the state from the address. */
function show() {
  const here = place(location.hash);
  state.here = here;
  const session = here.view === "tokens" ? state.admin : state.token;
  if (!session || (here.workspace && session.api.workspace !== here.workspace)) {
    askToSignIn();
    return;
  }
  if (!here.workspace) {
    history.replaceState(null, "", address({ ...here, workspace: session.api.workspace }));
    state.here = place(location.hash);
  }
  state.signIn = undefined;
  if (here.view === "tokens") {
    leave();
    if (state.tokens?.api !== session.api) state.tokens = new Tokens({ api: session.api, expired: () => expire("admin"), update });
    update();
    return;
  }
  state.tokens = undefined;
  const query = `${parameters(here.filters)}&${showsReads(here.filters)}`;
  if (!state.log || state.query !== query) begin(session.api, query);
  if (here.event !== state.opened?.sequence) openSequence(here.event);
  update();
}

/** Begins to show the events that match the filters. */
function begin(api, query) {
  const wasLive = Boolean(state.live);
  leave();
  const log = new Log(api, state.here.filters);
  [state.log, state.query] = [log, query];
  log.addEventListener("arrived", ({ detail: number }) => announce(plural(number, "new event")));
  log.addEventListener("change", () => {
    if (log.problem?.isOfCredential) expire("token");
    update();
  });
  log.more().then(() => {
    if (state.log === log && !log.problem) announce(log.length === 0 ? "No events" : `${plural(log.length, "event")} loaded`);
  });
  if (wasLive) follow();
}

/** Stops the list and its views. */
function leave() {
  state.log?.stop();
  state.live?.abort();
  for (const name of ["live", "newer"]) state.problems.delete(name);
  [state.log, state.query, state.opened, state.live] = [];
}

function askToSignIn(reason) {
  leave();
  const { workspace, view } = state.here;
  const target = `${workspace}/${view}`;
  [state.tokens, state.query] = [undefined, undefined];
  if (reason || state.signIn?.target !== target) {
    state.signIn = new SignIn({ workspace, view, reason, done: entered, update });
    state.signIn.target = target;
  }
  update();
}

function entered(api, as) {
  state[as]?.api.end();
  api.onWait = (seconds) => {
    state.waiting = seconds;
    update();
  };
  // A trusted key belongs to one log, and is forgotten with the session.
  state[as] = { api, trustedKey: "" };
  state.signIn = undefined;
  facets.forget();
  scrollTo(0, 0);
  if (state.here.workspace !== api.workspace) replace({ workspace: api.workspace });
  else show();
}

/** Ends both sessions: running requests stop, and all data is forgotten. */
function signOut() {
  forget("token", "admin");
  history.replaceState(null, "", location.pathname + location.search);
  state.here = place("");
  announce("Signed out");
  askToSignIn();
}

/** Forgets a refused credential; the address stays for the next one. */
function expire(as) {
  if (!state[as]) return;
  forget(as);
  const reason = as === "admin" ? "You were signed out: the JWT has expired. Sign in with a new one to go on."
    : "You were signed out: the token was revoked or has expired. Sign in with another to go on where you were.";
  announce(reason);
  askToSignIn(reason);
}

function forget(...names) {
  for (const name of names) {
    state[name]?.api.end();
    state[name] = undefined;
  }
  state.saving?.abort();
  [state.saving, state.tokens, state.waiting] = [undefined, undefined, 0];
  state.problems.clear();
  facets.forget();
  leave();
}

function open(entry) {
  detail.wantsFocus = true;
  if (state.opened?.sequence === entry.sequence) update();
  else location.hash = address({ ...state.here, event: entry.sequence });
}

function close() {
  if (!state.opened) return;
  location.hash = address({ ...state.here, event: undefined });
  state.opened = undefined;
  draw();
  table.focus();
}

/** Opens the event of a sequence: from the list, or else from the API. */
async function openSequence(sequence) {
  const [{ token }, log] = [state, state.log];
  if (sequence === undefined) {
    state.opened = undefined;
    update();
    return;
  }
  const entry = log.find(sequence);
  const opened = { sequence, event: entry && log.whole(entry) };
  if (!state.opened && !document.activeElement?.closest(".table")) detail.wantsFocus = true;
  state.opened = opened;
  update();
  if (opened.event) return;
  try {
    const { event } = await token.api.json(`ledger/entries/${sequence}`);
    if (event?.sequence !== sequence || event.workspace_username !== token.api.workspace || (entry && event.id !== entry.id)) {
      throw new Error(`The API answered with another event than that of sequence ${count(sequence)}. Tell the operator.`);
    }
    opened.event = event;
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.isOfCredential) expire("token");
    opened.problem = error.status === 404 ? `There is no event of sequence ${count(sequence)}, or it has expired.` : error.message;
  }
  update();
}

/** Turns Live on or off. Events that arrived meanwhile are shown in either case. */
async function follow() {
  const { log } = state;
  if (state.live) {
    state.live.abort();
    state.live = undefined;
    update();
    return;
  }
  const mine = new AbortController();
  state.live = mine;
  state.problems.delete("live");
  update();
  try {
    await log.follow(mine.signal);
  } catch (error) {
    if (mine.signal.aborted || log.signal.aborted) return;
    state.live = undefined;
    fail("live", `Live has stopped. ${error.message}`, error, follow);
  }
}

async function showNewer() {
  const { log } = state;
  try {
    await log.catchUp();
  } catch (error) {
    if (!log.signal.aborted) fail("newer", error.message, error, showNewer);
  }
}

async function saveAll(format) {
  const { filters } = state.here;
  const mine = new AbortController();
  mine.pages = 0;
  state.saving = mine;
  update();
  try {
    await save(state.token.api, filters, format, {
      signal: mine.signal,
      tell: (pages) => {
        mine.pages = pages;
        update();
      },
    });
    announce("Saved");
  } catch (error) {
    if (!mine.signal.aborted) fail("save", `The file was not saved. ${error.message}`, error, () => saveAll(format));
  }
  if (state.saving === mine) state.saving = undefined;
  update();
}

function fail(name, message, error, again) {
  if (error.name === "AbortError") return;
  if (error.isOfCredential) expire("token");
  else state.problems.set(name, { message, again });
  update();
}

document.getElementById("skip").addEventListener("click", (event) => {
  // The address is the page's own; the link only moves the focus.
  event.preventDefault();
  (document.querySelector(".table") ?? content).focus();
});
WIDE.addEventListener("change", () => {
  state.isFiltersOpen = WIDE.matches;
  update();
});
for (const [name, isPrinted] of [["beforeprint", true], ["afterprint", false]]) {
  addEventListener(name, () => {
    table.isPrinted = isPrinted;
    draw();
  });
}
addEventListener("hashchange", show);
content.replaceChildren();
show();
loadCatalogue().then(update, () => {});
