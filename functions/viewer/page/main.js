// What is where on the page, and what the address says of it.

import { showTokens } from "./admin.js";
import { Problem } from "./api.js";
import { categoryLabel, actionLabel, loadCatalogue } from "./catalogue.js";
import { Detail } from "./detail.js";
import { save } from "./export.js";
import { Facets } from "./facets.js";
import { LABELS, address, entries, none, parameters, place } from "./filters.js";
import { html, nothing, render } from "./lit-html/lit-html.js";
import { Log } from "./log.js";
import { signIn } from "./signin.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";
import { announce, plural, second } from "./words.js";

const header = document.getElementById("top");
const content = document.getElementById("content");

/** Who is signed in: the API as a token sees it, and as an admin does. */
const session = { token: undefined, admin: undefined };
let here = place(location.hash);
let log;
let shown;
let following;
let exporting;
let waiting = 0;
let problem;

const go = (changes) => { location.hash = address({ ...here, event: undefined, ...changes }); };
const table = new Table((event) => open(event));
const timeline = new Timeline((start_timestamp, end_timestamp) => go({ filters: { ...here.filters, start_timestamp, end_timestamp } }));
const facets = new Facets((filters) => go({ filters }));
const detail = new Detail({
  search: (filters) => go({ filters: { ...none(), ...filters } }),
  close: () => {
    mark(undefined);
    table.element.focus();
  },
});
const bar = Object.assign(document.createElement("div"), { className: "bar" });
const side = document.createElement("details");
side.className = "side";
const sideTitle = Object.assign(document.createElement("summary"), { textContent: "Filters" });
side.append(sideTitle, facets.element);
const middle = Object.assign(document.createElement("div"), { className: "middle" });
middle.append(bar, timeline.element, table.element);
const events = Object.assign(document.createElement("div"), { className: "events" });
events.append(side, middle, detail.element);
const WIDE = matchMedia("(min-width: 64rem)");
const fit = () => { side.open = WIDE.matches; };
WIDE.addEventListener("change", fit);
fit();

/** Shows what the address says. */
async function show() {
  here = place(location.hash);
  const api = here.view === "tokens" ? session.admin : session.token;
  drawHeader();
  if (!api || (here.workspace && api.workspace !== here.workspace)) {
    leave();
    render(nothing, content);
    const holder = document.createElement("div");
    content.replaceChildren(holder);
    signIn(holder, { workspace: here.workspace, view: here.view, done: entered, onWait: (seconds) => wait(seconds) });
    return;
  }
  if (here.view === "tokens") {
    leave();
    const holder = document.createElement("div");
    content.replaceChildren(holder);
    await showTokens(holder, api, fail);
    return;
  }
  const query = parameters(here.filters).toString();
  if (shown !== query || !log) restart(api, query);
  if (here.event !== undefined && !detail.isOpen) await openSequence(api, here.event);
}

/** Begins to show the events that match the filters. */
function restart(api, query) {
  const wasFollowing = Boolean(following);
  leave();
  if (!content.contains(events)) content.replaceChildren(events);
  if (here.event === undefined && detail.isOpen) detail.element.hidden = true;
  log = new Log(api, here.filters);
  shown = query;
  const current = log;
  current.addEventListener("change", () => {
    if (current.problem) fail(current.problem);
    else drawBar();
  });
  current.addEventListener("arrived", ({ detail: number }) => announce(`${plural(number, "new event")}`));
  current.addEventListener("overflow", () => {
    restart(api, query);
    follow();
  });
  timeline.show(current, here.filters);
  facets.show(current, here.filters);
  table.show(current);
  current.more().then(() => {
    if (log === current && !current.problem) announce(current.length === 0 ? "No events" : `${plural(current.length, "event")} loaded`);
  });
  drawBar();
  if (wasFollowing) follow();
}

/** Stops what is under way. */
function leave() {
  log?.stop();
  following?.abort();
  exporting?.abort();
  [log, shown, following, exporting, problem] = [undefined, undefined, undefined, undefined, undefined];
}

function entered(api, as) {
  session[as] = api;
  if (here.workspace !== api.workspace) go({ workspace: api.workspace });
  else show();
}

function signOut() {
  [session.token, session.admin] = [undefined, undefined];
  detail.element.hidden = true;
  leave();
  announce("Signed out");
  show();
}

function open(event) {
  detail.open(session.token, event);
  mark(event.sequence ?? undefined);
}

/** Says in the address which event is open, without going anywhere. */
function mark(sequence) {
  here = { ...here, event: sequence };
  history.replaceState(null, "", address(here));
}

async function openSequence(api, sequence) {
  try {
    const { event } = await api.json(`ledger/entries/${sequence}`);
    if (here.event === sequence) detail.open(api, event);
  } catch (error) {
    fail(error instanceof Problem && error.status === 404 ? new Error(`There is no event of sequence ${sequence}.`) : error);
  }
}

async function follow() {
  if (following) {
    following.abort();
    following = undefined;
    drawBar();
    return;
  }
  const mine = new AbortController();
  following = mine;
  drawBar();
  try {
    await log.follow(mine.signal);
  } catch (error) {
    if (!mine.signal.aborted && following === mine) {
      following = undefined;
      fail(error);
    }
  }
}

async function exportAll(format) {
  exporting = new AbortController();
  exporting.pages = 0;
  const mine = exporting;
  drawBar();
  try {
    await save(session.token, here.filters, format, {
      signal: mine.signal,
      tell: (pages) => {
        mine.pages = pages;
        drawBar();
      },
    });
    announce("Saved");
  } catch (error) {
    if (!mine.signal.aborted) fail(error);
  }
  if (exporting === mine) exporting = undefined;
  drawBar();
}

/** A credential that is refused from now on is forgotten. */
function fail(error) {
  if (error.name === "AbortError") return;
  if (error instanceof Problem && error.isOfCredential && !error.id) {
    if (here.view === "tokens") session.admin = undefined;
    else session.token = undefined;
    announce("Your credential is no longer accepted");
    show();
    return;
  }
  problem = error.message;
  drawBar();
}

function wait(seconds) {
  waiting = seconds;
  drawBar();
}

function drawHeader() {
  const isIn = session.token || session.admin;
  const workspace = here.workspace || session.token?.workspace || session.admin?.workspace;
  const link = (view, label) => html`<a href=${address({ workspace: workspace ?? "", view, filters: none() })}
    aria-current=${here.view === view ? "page" : "false"}>${label}</a>`;
  render(html`<div class="brand"><img src="viewer/icon.svg" alt="" width="28" height="28" />
      <span>Audit log</span>${isIn && workspace ? html`<b class="workspace">${workspace}</b>` : nothing}</div>
    <nav aria-label="Parts">${link("events", "Events")}${link("tokens", "Tokens")}</nav>
    ${isIn ? html`<button class="quiet" @click=${signOut}>Sign out</button>` : nothing}`, header);
  document.title = workspace ? `Audit log of ${workspace}` : "Audit log";
}

function drawBar() {
  if (!log) return;
  const chosen = entries(here.filters);
  render(html`
    <h1 class="visually-hidden">Events of ${session.token?.workspace}</h1>
    <div class="chips" role="group" aria-label="What is filtered by">${chosen.map((entry) => html`<button class="chip" @click=${() => go({ filters: entry.without })}
        aria-label="No longer filter by ${LABELS[entry.name]} ${told(entry)}"><small>${LABELS[entry.name]}</small> ${told(entry)} <span aria-hidden="true">✕</span></button>`)}
      ${chosen.length > 1 ? html`<button class="quiet" @click=${() => go({ filters: none() })}>Clear all</button>` : nothing}</div>
    <div class="actions">
      <button class="live" aria-pressed=${Boolean(following)} @click=${follow}><span class="dot" aria-hidden="true"></span> Live</button>
      ${exporting ? html`<button @click=${() => exporting.abort()}>Stop saving (${plural(exporting.pages, "page")})</button>`
        : html`<button @click=${() => exportAll("csv")}>Save as CSV</button><button @click=${() => exportAll("ndjson")}>Save as NDJSON</button>`}
    </div>
    ${waiting > 0 ? html`<p class="waiting">The API asks for a pause of ${plural(waiting, "second")}…</p>` : nothing}
    ${problem ? html`<p class="problem" role="alert">${problem} <button @click=${again}>Try again</button></p>` : nothing}
    ${log.isComplete && log.length === 0 ? html`<p class="empty">${chosen.length > 0
      ? "No event matches these filters." : "Nothing has been recorded in this workspace yet."}</p>` : nothing}`, bar);
  sideTitle.textContent = chosen.length > 0 ? `Filters (${chosen.length})` : "Filters";
}

function again() {
  problem = undefined;
  log.more();
  drawBar();
}

function told({ name, value }) {
  if (name === "category") return categoryLabel(value);
  if (name === "action") return actionLabel(value);
  return name.endsWith("_timestamp") ? `${second(value)} UTC` : value;
}

document.getElementById("skip").addEventListener("click", (event) => {
  // The address is the page's own; the link only moves the focus.
  event.preventDefault();
  content.focus();
});
addEventListener("hashchange", show);
await loadCatalogue().catch(() => {});
show();
