// Faults that the page had, or could have: one story each. What the API answers is changed by the test where it must be.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, close, done, event, jwtOf, launch, ready, record, rows, sealed, signIn, signedIn, state, tokenOf, visit } from "./stage.mjs";

before(launch);
after(close);

let workspaces = 0;
/** A workspace of its own with so many events, and a token for it. */
async function workspace(number, make = event) {
  workspaces += 1;
  const name = `w${workspaces}`;
  const token = await tokenOf(name, jwtOf(name));
  if (number > 0) await record(name, token, Array.from({ length: number }, (_, index) => make(index)));
  await sealed(name, token, number + 1);
  return { name, token };
}

/** The sequence of an event. Batches of one request may be sealed in another order than the request has them in. */
async function sequenceOf(name, token, id) {
  const { audit_logs } = await call("GET", `${name}/audit_logs?limit=100`, token);
  return audit_logs.find((event) => event.id === id).sequence;
}

const newer = (id, changes = {}) => ({ ...event(0), id, timestamp: new Date().toISOString(), ...changes });
const shownIds = (page) => page.evaluate(() => [...document.querySelectorAll(".rows .row")].map((row) => row.dataset.id));
const goTo = (page, hash) => page.evaluate((hash) => { location.hash = hash; }, hash);
const openRow = async (page, at = 0) => {
  await rows(page).nth(at).click();
  await page.locator("dialog.detail .lead").waitFor();
};
/** Scrolls on until all events are loaded. */
async function loadAll(page) {
  const scroller = page.locator(".table");
  for (let tries = 0; await scroller.getAttribute("aria-rowcount") === "-1"; tries += 1) {
    assert.ok(tries < 200, "the list does not come to an end");
    await scroller.evaluate((element) => { element.scrollTop = element.scrollHeight; });
    await page.waitForTimeout(100);
  }
}
const openId = (page) => page.evaluate(() => document.querySelector(".rows .row.open")?.dataset.id);
const live = (page) => page.locator("#live");
const row = (page, id) => page.locator(`.rows .row[data-id="${id}"]`);

test("Live begins where the list ends, and without a network goes on where it was", async () => {
  const { name, token } = await workspace(3);
  const page = await signedIn(name, token);
  page.ignoreNetwork = true;
  await record(name, token, [newer("a-1"), newer("a-2")]);
  await live(page).click();
  await record(name, token, [newer("a-3")]);
  for (const id of ["a-1", "a-2", "a-3"]) await row(page, id).waitFor();
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Live: reconnecting" }).waitFor({ timeout: 60_000 });
  await state(page, "live-without-network");
  await record(name, token, [newer("a-4")]);
  await page.context().setOffline(false);
  await row(page, "a-4").waitFor();
  assert.equal(await live(page).getAttribute("aria-pressed"), "true");
  await live(page).click();
  await record(name, token, [newer("a-5")]);
  await live(page).click();
  await row(page, "a-5").waitFor();
  await done(page);
});

test("scrolling back shows the same events, and reads nothing again", async () => {
  const { name, token } = await workspace(1700);
  const page = await signedIn(name, token);
  const first = (await shownIds(page)).slice(0, 10);
  const scroller = page.locator(".table");
  await loadAll(page);
  const requests = page.requests.length;
  await scroller.evaluate((element) => { element.scrollTop = 0; });
  await row(page, first[0]).waitFor();
  assert.deepEqual((await shownIds(page)).slice(0, 10), first);
  assert.equal(page.requests.length, requests);
  assert.equal(await scroller.getAttribute("aria-rowcount"), String(1701 + 1));
  await done(page);
});

test("the drawer shows the event of the address, whichever way one comes there", async () => {
  const { name, token } = await workspace(6);
  const page = await signedIn(name, token);
  await openRow(page, 1);
  const id = await openId(page);
  const heading = async (sequence) => page.waitForFunction((id) => document.querySelector("dialog.detail")?.innerText.includes(id), sequence);
  await heading(id);
  await goTo(page, `#/${name}/events?event=${await sequenceOf(name, token, "e-0000002")}`);
  await heading("e-0000002");
  await page.goBack();
  await heading(id);
  await goTo(page, `#/${name}/events?actor=u3&event=${await sequenceOf(name, token, "e-0000001")}`);
  await heading("e-0000001");
  await page.getByRole("link", { name: "Events" }).click();
  await page.locator("dialog.detail").waitFor({ state: "detached" });
  await goTo(page, `#/${name}/events?event=999999`);
  await page.getByText("There is no event of sequence 999,999").waitFor();
  await state(page, "no-such-event");
  await goTo(page, `#/${name}/events`);
  await page.getByText("There is no event of sequence").waitFor({ state: "detached" });
  await done(page);
});

test("times of the address are UTC whatever their offset, and a time that is none is refused in words", async () => {
  const { name, token } = await workspace(1);
  const page = await visit(`/#/${name}/events?end_timestamp=${encodeURIComponent("2026-03-05T10:00:00+05:30")}`);
  await signIn(page, name, token);
  await page.locator(".chip").getByText("2026-03-05 04:30:00 UTC").waitFor();
  await goTo(page, `#/${name}/events?start_timestamp=12026-01-01T00:00:00Z`);
  await page.getByRole("alert").getByText("start_timestamp").waitFor();
  await state(page, "refused-filter");
  await goTo(page, `#/${name}/events`);
  await rows(page).first().waitFor();
  await done(page);
});

test("a late event takes its place by its time, and the open event stays open", async () => {
  const { name, token } = await workspace(400);
  const page = await signedIn(name, token);
  await openRow(page, 0);
  const opened = await openId(page);
  await live(page).click();
  await record(name, token, [newer("of-2020", { timestamp: "2020-01-01T00:00:00Z" }), newer("of-now")]);
  await row(page, "of-now").waitFor();
  assert.equal(await openId(page), opened);
  assert.ok(!(await shownIds(page)).includes("of-2020"));
  const scroller = page.locator(".table");
  await loadAll(page);
  await scroller.evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await row(page, "of-2020").waitFor();
  assert.equal((await shownIds(page)).at(-1), "of-2020");
  assert.equal(await live(page).getAttribute("aria-pressed"), "true");
  await done(page);
});

test("the row that one looks at keeps its place while others come in", async () => {
  const { name, token } = await workspace(90);
  const page = await signedIn(name, token);
  await live(page).click();
  await page.locator(".table").evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await page.waitForTimeout(200);
  const last = (await shownIds(page)).at(-1);
  const top = await row(page, last).evaluate((element) => element.getBoundingClientRect().top);
  await record(name, token, Array.from({ length: 20 }, (_, index) => newer(`above-${index}`)));
  await page.waitForFunction(() => document.querySelector(".table").getAttribute("aria-rowcount") === "112");
  await page.waitForTimeout(200);
  assert.ok(Math.abs(await row(page, last).evaluate((element) => element.getBoundingClientRect().top) - top) < 2);
  await done(page);
});

test("a page that does not come is told, and tried again", async () => {
  const { name, token } = await workspace(700);
  const page = await signedIn(name, token);
  let isDown = true;
  await page.route(`**/api/${name}/audit_logs?*`, (request) => (isDown ? request.fulfill({ status: 500, json: { id: "internal", message: "Something went wrong." } }) : request.continue()));
  await page.locator(".table").evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await page.getByRole("alert").getByText("Something went wrong.").waitFor();
  await state(page, "page-failed");
  assert.equal(await page.locator(".row.loading").count(), 0);
  isDown = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => /60[0-9] events|701 events/.test(document.querySelector(".timeline-head").innerText));
  await done(page);
});

test("empty pages end with a question, and not with a thousand requests", async () => {
  const { name, token } = await workspace(1);
  const page = await visit();
  let asked = 0;
  await page.route(`**/api/${name}/audit_logs?*`, (request) => {
    asked += 1;
    return request.fulfill({ json: { audit_logs: [], has_more: true, next_cursor: `c${asked}` } });
  });
  await signIn(page, name, token);
  await page.getByText("Nothing to show yet").waitFor();
  await page.waitForTimeout(1500);
  assert.ok(asked <= 5, `${asked} requests`);
  await state(page, "looked-back");
  await page.getByRole("button", { name: "Look further" }).click();
  await page.waitForTimeout(1000);
  assert.ok(asked > 5 && asked <= 10, `${asked} requests`);
  await done(page);
});

test("facets offer the most frequent values, keep the others after a tick, and keep the focus", async () => {
  const { name, token } = await workspace(1500, (number) => ({ ...event(number), actor: { user_id: number < 900 ? "often" : `once-${number}`, username: number < 900 ? "Often" : "Same Name" } }));
  const page = await signedIn(name, token);
  await page.getByRole("button", { name: "Count them all" }).click();
  await page.locator(".timeline-head").getByText("1,501 events").waitFor();
  await page.locator('[id="facet-actor-often"]').waitFor();
  // The same name is told apart by its id.
  await page.locator(".facets").getByText("once-1499").waitFor();
  const boxes = await page.locator("input[name=category]").count();
  const box = page.locator('[id="facet-category-user_groups"]');
  await box.focus();
  await page.keyboard.press("Space");
  await page.locator(".chip").waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".rows .what")].every((cell) => cell.title.startsWith("group_")));
  assert.equal(await page.evaluate(() => document.activeElement.id), "facet-category-user_groups");
  assert.equal(await page.locator("input[name=category]").count(), boxes);
  await done(page);
});

test("a verdict is shown only beside the event that it was asked for", async () => {
  const { name, token } = await workspace(8);
  const page = await visit();
  // Two events of one id: the second is forged.
  await page.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    Object.assign(body.audit_logs[3], { id: body.audit_logs[2].id, actor: { user_id: "forged" } });
    await route.fulfill({ response, json: body });
  });
  let answer;
  await page.route(`**/api/${name}/ledger/checkpoint`, async (route) => {
    if (page.holds) await new Promise((resolve) => { answer = resolve; });
    await route.continue();
  });
  await signIn(page, name, token);
  await openRow(page, 2);
  page.holds = true;
  await page.getByRole("button", { name: "Verify" }).click();
  await page.waitForTimeout(300);
  await openRow(page, 3);
  answer();
  await page.waitForTimeout(800);
  assert.equal(await page.locator(".proof .result").count(), 0);
  page.holds = false;
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.refuted").waitFor();
  await done(page);
});

test("an answer that is forged is refuted, and one that is missing refutes nothing", async () => {
  const { name, token } = await workspace(5);
  const page = await visit();
  page.ignoreNetwork = true;
  let change = () => {};
  await page.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    change(body.audit_logs.find(({ id }) => id === "e-0000002"), body);
    await route.fulfill({ response, json: body });
  });
  await signIn(page, name, token);
  await rows(page).first().waitFor();
  let tries = 0;
  const verdict = async (apply) => {
    change = apply;
    tries += 1;
    await goTo(page, `#/${name}/events?start_timestamp=20${10 + tries}-01-01T00:00:00Z`);
    await page.waitForFunction((tries) => document.querySelector(".chip")?.innerText.includes(`20${10 + tries}-`) && document.querySelector(".rows .row"), tries);
    await page.locator(".rows .row[data-id=e-0000002]").click();
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator(".proof .result").waitFor();
    return page.locator(".proof").innerText();
  };
  assert.match(await verdict((event) => { event.sequence = -1; }), /Not proved\./);
  assert.match(await verdict((event) => { event.workspace_username = "globex"; }), /Not proved\..*globex/s);
  assert.match(await verdict((event) => { event.verified = true; }), /Not proved\..*verified, which no event has/s);
  assert.match(await verdict((event) => { event.category = "export_data"; }), /Not proved\..*category export_data is false/s);
  await state(page, "false-category");
  await page.keyboard.press("Escape");
  await page.route(`**/api/${name}/ledger/proof/*`, (route) => route.fulfill({ json: { hashes: null } }));
  assert.match(await verdict(() => {}), /Could not be checked\./);
  await page.unroute(`**/api/${name}/ledger/proof/*`);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.unchecked").getByText("cannot be reached").waitFor();
  await state(page, "could-not-be-checked");
  await page.getByRole("button", { name: "Save with its proof" }).click();
  await page.locator(".saved").getByText("It was not saved.").waitFor();
  await page.context().setOffline(false);
  // A key that a person trusts goes with the session.
  await page.getByText("The key that you trust").click();
  await page.locator("#trusted-key").fill("other/acme+00000000+AAAA");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.refuted").getByText("another key than the one that you trust").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, name, token);
  await rows(page).first().waitFor();
  await page.locator(".rows .row[data-id=e-0000002]").click();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.proved").waitFor();
  await done(page);
});

test("an answer with a member twice proves nothing", async () => {
  const { name, token } = await workspace(2);
  const page = await visit();
  await page.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('"outcome":"failure"', '"outcome":"failure","outcome":"failure"') });
  });
  await signIn(page, name, token);
  await page.locator(".rows .row[data-id=e-0000000]").click();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.refuted").getByText("stands twice").waitFor();
  await page.locator(".rows .row[data-id=e-0000001]").click();
  await page.locator("dialog.detail").getByText("e-0000001", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.proved").waitFor();
  await done(page);
});

test("a credential that signed out is used by no request, and nothing of its session stays", async () => {
  const { name, token } = await workspace(8);
  const second = await tokenOf(name, jwtOf(name));
  const sequence = await sequenceOf(name, token, "e-0000004");
  const page = await visit(`/#/${name}/events?actor=u5&event=${sequence}`);
  const sent = [];
  page.on("request", (request) => sent.push(request.headers().authorization ?? ""));
  let release;
  await page.route(`**/ledger/entries/${sequence}`, async (route) => {
    if (release) return route.continue();
    await new Promise((resolve) => { release = resolve; });
    return route.continue().catch(() => {});
  });
  await signIn(page, name, token);
  await page.locator("dialog.detail").waitFor();
  while (!release) await page.waitForTimeout(50);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  assert.equal(new URL(page.url()).hash, "");
  const before = sent.length;
  release();
  await signIn(page, name, second);
  await openRow(page, 1);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.proved").waitFor();
  const later = sent.slice(before).filter(Boolean);
  assert.ok(later.length > 3 && later.every((header) => header === `Bearer ${second}`), "a request had another credential");
  assert.equal(await page.title(), `Audit log of ${name}`);
  await done(page);
});

test("nothing of a session is in memory after it", async () => {
  const { name, token } = await workspace(3, (number) => ({ ...event(number), description: `remembered-${number}-forgotten` }));
  const page = await signedIn(name, token);
  const session = await page.context().newCDPSession(page);
  async function holds(...texts) {
    await session.send("HeapProfiler.collectGarbage");
    let snapshot = "";
    const add = ({ chunk }) => { snapshot += chunk; };
    session.on("HeapProfiler.addHeapSnapshotChunk", add);
    await session.send("HeapProfiler.takeHeapSnapshot");
    session.off("HeapProfiler.addHeapSnapshotChunk", add);
    return texts.filter((text) => snapshot.includes(text));
  }
  const secrets = [token.slice(-20), "remembered-1-forgotten"];
  assert.deepEqual(await holds(...secrets), secrets);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  await page.waitForTimeout(500);
  assert.deepEqual(await holds(...secrets), []);
  await done(page);
});

test("events that are not sealed are counted, and take their place once they are", async () => {
  const { name, token } = await workspace(5);
  const page = await visit();
  let isBehind = true;
  await page.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    if (isBehind) body.audit_logs.find(({ id }) => id === "e-0000002").sequence = null;
    await route.fulfill({ response, json: body });
  });
  await signIn(page, name, token);
  await page.getByText("1 event is recorded and not sealed yet").waitFor();
  assert.ok(!(await shownIds(page)).includes("e-0000002"));
  await state(page, "not-sealed");
  isBehind = false;
  await row(page, "e-0000002").waitFor();
  assert.equal(await page.getByText("not sealed yet").count(), 0);
  await done(page);
});

test("the address sets no title of the document", async () => {
  const page = await visit("/#/Pay%20here%20evil/events");
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  assert.equal(await page.title(), "Audit log");
  await done(page);
});

test("a token is created by one request, whatever is answered and however often one clicks", async () => {
  const page = await visit("/#/acme/tokens");
  await signIn(page, "acme", ready.admin_jwt);
  await page.locator(".tokens").waitFor();
  let isDown = true;
  const posts = [];
  await page.route("**/api/acme/tokens", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    posts.push(route.request().postDataJSON());
    if (isDown) return route.fulfill({ status: 503, headers: { "retry-after": "1" }, json: { id: "unavailable", message: "The audit log cannot be reached." } });
    await new Promise((resolve) => { setTimeout(resolve, 400); });
    return route.continue();
  });
  await page.getByLabel("Name").fill("once");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").getByText("It was not sent again").waitFor();
  await page.waitForTimeout(1500);
  assert.equal(posts.length, 1);
  await state(page, "token-not-created");
  isDown = false;
  await page.getByRole("button", { name: "Create" }).dblclick();
  await page.locator(".created").waitFor();
  await page.waitForTimeout(500);
  assert.equal(posts.length, 2);
  await done(page);
});

test("characters that cannot be seen are named wherever a text of an event stands", async () => {
  const { name, token } = await workspace(1, (number) => ({ ...event(number), actor: { user_id: "u1", username: "admin" } }));
  const page = await visit();
  // The API may refuse such a name; the page has to show what it gets.
  await page.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    for (const event of body.audit_logs) {
      event.actor = { user_id: "adm\u200bin", username: "\u202enimda\u2066" };
      event.entity = { entity_type: "group", entity_id: "g", entity_name: "p\u0430ypal" };
      event.description = "now\u202ethen";
      event.context = { "na\u200dme": "va\ufefflue", empty: "" };
    }
    await route.fulfill({ response, json: body });
  });
  await signIn(page, name, token);
  await openRow(page);
  for (const place of [".rows .who", ".facets", "dialog.detail"]) {
    const text = await page.locator(place).first().innerText();
    assert.match(text, /U\+202E/, place);
    assert.ok(!/[\u200b\u202e\u2066\ufeff]/.test(text), `${place} has the character itself`);
  }
  for (const text of ["U+200B", "U+200D", "U+FEFF"]) await page.locator("dialog.detail").getByText(text).first().waitFor();
  await page.locator("dialog.detail").getByText("empty text").waitFor();
  await page.locator(".rows .on").first().getByText("mixed letters").waitFor();
  await page.getByText("The event as JSON").click();
  assert.ok(!/[\u200b\u202e\u2066\ufeff]/.test(await page.locator(".raw pre").innerText()));
  await state(page, "invisible-characters");
  await done(page);
});

test("the page opens with few requests, below /viewer too, and without the catalogue", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  assert.ok(new Set(page.requests).size <= 5, page.requests.join(" "));
  await done(page);
  const below = await visit("/viewer/index.html");
  await below.route("**/api/actions", () => {});
  await below.reload();
  await signIn(below, "acme", ready.bearer);
  await rows(below).first().waitFor();
  await done(below);
});

test("the form takes a token in two parts, and tells of a pause, an outage and a session that has ended", async () => {
  const page = await visit();
  page.ignoreNetwork = true;
  let refused = 0;
  await page.context().setOffline(true);
  await signIn(page, "acme", `${ready.token}:${ready.secret}`);
  await page.getByRole("alert").getByText("The API cannot be reached").waitFor();
  await state(page, "sign-in-offline");
  await page.context().setOffline(false);
  await page.route("**/api/acme/ledger/key", async (route) => {
    refused += 1;
    if (refused > 1) return route.continue();
    const date = new Date();
    return route.fulfill({ status: 429, headers: { date: date.toUTCString(), "retry-after": new Date(date.getTime() + 9000).toUTCString() }, json: { id: "too_many_reads", message: "slower" } });
  });
  await signIn(page, "acme", `${ready.token}:${ready.secret}`);
  await page.locator("form.signin").getByText("asks for a pause of").waitFor();
  await state(page, "sign-in-pause");
  await rows(page).first().waitFor();
  assert.equal(refused, 2);
  await page.route("**/api/acme/audit_logs?*", (route) => route.fulfill({ status: 403, json: { message: "Forbidden" } }));
  await page.locator('[id="facet-outcome-failure"]').click();
  await page.getByRole("alert").getByText("You were signed out").waitFor();
  await state(page, "session-ended");
  await done(page);
});

test("tokens that cannot be listed are no empty list, and a wrong clock makes none expired", async () => {
  const page = await visit("/#/acme/tokens");
  await page.clock.setFixedTime(new Date("2040-01-01T00:00:00Z"));
  let isDown = false;
  await page.route("**/api/acme/tokens", (route) => (isDown ? route.fulfill({ status: 500, json: { id: "internal", message: "Something went wrong." } }) : route.continue()));
  await signIn(page, "acme", ready.admin_jwt);
  await page.locator(".tokens .state.live").first().waitFor();
  assert.equal(await page.locator(".tokens .state.expired").count(), 0);
  await page.locator(".tokens").getByRole("button", { name: /^Revoke/ }).first().waitFor();
  await page.getByRole("link", { name: "Events" }).click();
  isDown = true;
  await page.getByRole("link", { name: "Tokens" }).click();
  await page.getByRole("alert").getByText("The tokens could not be listed").waitFor();
  assert.equal(await page.getByText("There is none yet").count(), 0);
  await state(page, "tokens-failed");
  isDown = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".tokens").waitFor();
  await done(page);
});

test("each filter of the API is in the form, in the address, and in the request", async () => {
  const { name, token } = await workspace(6, (number) => ({
    ...event(number), action: number === 0 ? "org_user_invited" : "group_created",
    actor: { user_id: `u,${number}`, username: `Member ${number}`, ip: `203.0.113.${number}`, on_behalf_of: { user_id: `b${number}` } },
    entity: { entity_type: "report", entity_id: `r${number}`, entity_name: `Report ${number}` }, context: { note: `needle-${number}` },
  }));
  const page = await signedIn(name, token);
  const shows = async (ids) => page.waitForFunction((ids) => JSON.stringify([...document.querySelectorAll(".rows .row")].map((row) => row.dataset.id).filter((id) => id.startsWith("e-"))) === ids, JSON.stringify(ids));
  const all = [5, 4, 3, 2, 1, 0];
  const id = (number) => `e-000000${number}`;
  for (const [field, value, found] of [
    ["contains", "NEEDLE-2", [2]], ["actor_name", "member 3", [3]], ["entity_name", "REPORT 4", [4]], ["on_behalf_of", "b5", [5]],
    ["ip", "203.0.113.4/31", [5, 4]], ["not_action", "group_created", [0]], ["not_category", "user_groups", [0]], ["not_actor", "u,1", [5, 4, 3, 2, 0]],
  ]) {
    await page.locator(`#facet-${field}`).fill(value);
    const [request] = await Promise.all([page.waitForRequest((request) => new URL(request.url()).searchParams.get(field) === value), page.keyboard.press("Enter")]);
    assert.equal(new URL(request.url()).searchParams.get("reads"), "exclude");
    await shows(found.map(id));
    assert.equal(new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get(field), value);
    // The address alone shows the same list.
    await page.locator(".chip").click();
    await shows(all.map(id));
    await goTo(page, `#/${name}/events?${new URLSearchParams({ [field]: value })}`);
    await shows(found.map(id));
    await page.locator(".chip").click();
    await shows(all.map(id));
  }
  await done(page);
});

test("records of reads are left out until they are asked for", async () => {
  const { name, token } = await workspace(4);
  for (let number = 0; number < 12; number += 1) await call("GET", `${name}/audit_logs?limit=1`, token);
  await sealed(name, token, 17);
  const page = await signedIn(name, token);
  await page.locator(".timeline-head").getByText("5 events", { exact: true }).waitFor();
  assert.equal(await page.locator(".what[title=audit_log_accessed]").count(), 0);
  await page.getByLabel("Show records of reads").check();
  await page.locator(".what[title=audit_log_accessed]").first().waitFor();
  assert.match(page.url(), /reads=shown/);
  await page.getByText("Read the audit log").first().waitFor();
  await state(page, "reads-shown");
  await goTo(page, `#/${name}/events?actor=unknown`);
  await page.getByText("No event matches these filters.").waitFor();
  await state(page, "filtered-to-nothing");
  await page.getByRole("button", { name: "Show all events" }).click();
  await page.locator(".timeline-head").getByText("5 events", { exact: true }).waitFor();
  await done(page);
});

test("an export that fails is tried again, and goes on while one filters", async () => {
  const { name, token } = await workspace(30);
  const page = await signedIn(name, token);
  let isDown = true;
  await page.route("**/audit_logs?*format=csv*", async (route) => {
    if (isDown) return route.fulfill({ status: 500, json: { id: "internal", message: "Something went wrong." } });
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    return route.continue();
  });
  await page.getByRole("button", { name: "Save as CSV" }).click();
  await page.getByRole("alert").getByText("The file was not saved").waitFor();
  isDown = false;
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator('[id="facet-category-user_groups"]').click();
  await page.locator(".chip").waitFor();
  await download;
  await done(page);
});

test("a narrow window has a modal drawer, arrows go from event to event, and nothing is wider than the screen", async () => {
  const long = "n".repeat(5000);
  const { name, token } = await workspace(30, (number) => ({ ...event(number), actor: { user_id: `u${number}`, username: `member ${number}` }, context: { empty: "" } }));
  const page = await signedIn(name, token, { viewport: { width: 1000, height: 800 } });
  await openRow(page, 2);
  assert.ok(await page.evaluate(() => document.querySelector("dialog.detail").matches(":modal")));
  const before = await openId(page);
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((id) => document.querySelector(".rows .row.open")?.dataset.id !== id, before);
  await page.locator("dialog.detail").getByText("empty text").waitFor();
  await state(page, "modal");
  await page.keyboard.press("Escape");
  await page.locator("dialog.detail").waitFor({ state: "detached" });
  await page.locator(".table:focus").waitFor();
  await done(page);

  const wide = await visit();
  await wide.route(`**/api/${name}/audit_logs?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.audit_logs.find(({ id }) => id === "e-0000029").actor.username = long;
    await route.fulfill({ response, json: body });
  });
  await signIn(wide, name, token);
  await openRow(wide, 1);
  assert.ok(await wide.evaluate(() => document.querySelector("dialog.detail").scrollWidth <= document.querySelector("dialog.detail").clientWidth), "a long name makes the drawer scroll sideways");
  await state(wide, "long-name");
  await wide.locator(".table").focus();
  await wide.keyboard.press("ArrowDown");
  await wide.waitForFunction(() => document.querySelector("dialog.detail")?.innerText.includes("member 28"));
  await wide.locator(".table:focus").waitFor();
  await wide.keyboard.press("ArrowDown");
  await wide.waitForFunction(() => document.querySelector("dialog.detail")?.innerText.includes("member 27"));
  await wide.locator(".table:focus").waitFor();
  assert.ok(wide.url().endsWith(`event=${await sequenceOf(name, token, "e-0000027")}`), wide.url());
  assert.match(await wide.locator(".rows .ip").first().innerText(), /\d/);
  // Two keys within one frame are two steps, and back again.
  const twice = (key) => wide.evaluate((key) => {
    const table = document.querySelector(".table");
    for (let press = 0; press < 2; press += 1) table.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }, key);
  await twice("ArrowDown");
  await wide.waitForFunction(() => document.querySelector("dialog.detail")?.innerText.includes("member 25"));
  assert.ok(wide.url().endsWith(`event=${await sequenceOf(name, token, "e-0000025")}`), wide.url());
  await twice("ArrowUp");
  await wide.waitForFunction(() => document.querySelector("dialog.detail")?.innerText.includes("member 27"));
  await done(wide);

  for (const [width, height, label] of [[360, 740, "narrow-360"], [390, 844, "narrow-390"], [360, 225, "zoom-400"]]) {
    const small = await signedIn(name, token, { viewport: { width, height } });
    assert.ok(await small.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${label} is wider than the screen`);
    const top = await rows(small).first().evaluate((element) => element.getBoundingClientRect().top);
    assert.ok(top + 40 < height, `${label}: no event is in sight, the first is at ${top}`);
    await state(small, label);
    await openRow(small, 1);
    await state(small, `${label}-detail`);
    await done(small);
  }
  const tokens = await visit("/#/acme/tokens", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
  await signIn(tokens, "acme", ready.admin_jwt);
  await tokens.locator(".tokens").waitFor();
  assert.ok(await tokens.locator(".tokens th[scope=row]").first().evaluate((element) => element.offsetWidth > 150), "a name has no room");
  await state(tokens, "narrow-tokens");
  await done(tokens);
});

test("it is printed whole, and shows its marks in forced colours", async () => {
  const { name, token } = await workspace(90);
  const page = await signedIn(name, token);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await rows(page).count(), 91);
  await page.emulateMedia({ media: "print" });
  const pages = await page.evaluate(() => document.documentElement.scrollHeight);
  assert.ok(pages > 1500, `${pages} px of print`);
  await page.emulateMedia({ media: null });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await page.waitForFunction(() => document.querySelectorAll(".rows .row").length < 60);
  await page.emulateMedia({ forcedColors: "active" });
  await live(page).click();
  await openRow(page, 1);
  const dot = await page.locator(".live .dot").evaluate((element) => getComputedStyle(element).backgroundColor);
  const ground = await live(page).evaluate((element) => getComputedStyle(element).backgroundColor);
  assert.notEqual(dot, ground);
  await page.screenshot({ path: `${process.env.VIEWER_WORK}/screenshots/forced-colours.png` });
  await done(page);
});

test("the skip link leads to the events", async () => {
  const page = await signedIn();
  await page.locator("body").press("Tab");
  await page.locator("#skip").focus();
  await page.keyboard.press("Enter");
  await page.locator(".table:focus").waitFor();
  await done(page);
});
