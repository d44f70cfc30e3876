// A person uses the page: one thing in each test.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { call, close, done, event, file, launch, ready, record, rows, sealed, signIn, signedIn, state, tokenOf, violations, visit } from "./stage.mjs";

const EVENTS = Number(process.env.EVENTS);
let large;
let empty;

before(async () => {
  await launch();
  [large, empty] = [await tokenOf("large", process.env.JWT_LARGE), await tokenOf("empty", process.env.JWT_EMPTY)];
  await record("large", large, Array.from({ length: EVENTS }, (_, number) => event(number)));
  await sealed("large", large, EVENTS);
}, { timeout: 3_600_000 });
after(close);

const param = (page, name) => new URLSearchParams(new URL(page.url()).hash.split("?")[1]).getAll(name);
const openFirst = async (page) => {
  await rows(page).first().click();
  await page.locator(".detail h2").waitFor();
};

test("a wrong token, another workspace and a JWT are refused in words, and a good one opens the log", async () => {
  const page = await visit();
  await state(page, "sign-in");
  await signIn(page, "acme", `${ready.bearer.slice(0, -1)}${ready.bearer.endsWith("a") ? "b" : "a"}`);
  await page.getByRole("alert").getByText("mistyped, revoked or expired").waitFor();
  await state(page, "sign-in-refused");
  await signIn(page, "globex", ready.bearer);
  await page.getByRole("alert").getByText("do not open this workspace").waitFor();
  await signIn(page, "acme", ready.admin_jwt);
  await page.getByRole("alert").getByText("That is a JWT").waitFor();
  await signIn(page, "acme", ready.bearer);
  await rows(page).first().waitFor();
  // The credential is nowhere but in memory: not in the address, the document, a store or a cookie.
  const kept = await page.evaluate(() => JSON.stringify([
    location.href, document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage }, document.cookie,
    [...document.querySelectorAll("input")].map((input) => input.value),
  ]));
  assert.ok(!kept.includes(ready.secret) && !page.requests.some((url) => url.includes(ready.secret)));
  await state(page, "events");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  assert.equal(await rows(page).count(), 0);
  await done(page);
});

test("a token that is revoked while it is used leads back to the sign-in", async () => {
  const created = await call("POST", "acme/tokens", ready.admin_jwt, { name: "short", scopes: ["audit_log:read"] });
  const page = await signedIn("acme", created.bearer);
  await call("DELETE", `acme/tokens/${created.token}`, ready.admin_jwt);
  // Not check(), which looks at the button again: it may be gone with the list by then.
  await page.getByLabel("Failure").click();
  await page.getByRole("button", { name: "Open the log" }).waitFor();
  // The filters are still there for the next sign-in.
  assert.deepEqual(param(page, "outcome"), ["failure"]);
  await done(page);
});

test("filters narrow the list, stand in the address, and a link with them shows the same", async () => {
  const page = await signedIn();
  await page.locator(".facets").getByText("User Groups").click();
  await page.getByRole("button", { name: "No longer filter by Category User Groups" }).waitFor();
  const expected = (await call("GET", "acme/audit_logs?category=user_groups&limit=1000", ready.bearer)).audit_logs;
  assert.ok(expected.length > 0);
  await page.waitForFunction((count) => document.querySelectorAll(".rows .row:not(.loading)").length === count, expected.length);
  await page.locator(".facets").getByText("peter_parker").click();
  await page.waitForFunction(() => [...document.querySelectorAll(".rows .who")].length > 0 && [...document.querySelectorAll(".rows .who")].every((cell) => cell.textContent === "peter_parker"));
  assert.deepEqual(param(page, "category"), ["user_groups"]);
  const shown = await rows(page).count();
  await state(page, "filtered");

  const other = await signedIn("acme", ready.bearer, { path: `/${new URL(page.url()).hash}` });
  await other.waitForFunction((count) => document.querySelectorAll(".rows .row").length === count, shown);
  await done(other);

  await page.getByRole("button", { name: "Clear all" }).click();
  await page.waitForFunction((count) => document.querySelectorAll(".rows .row").length > count, shown);
  await page.goBack();
  await page.waitForFunction((count) => document.querySelectorAll(".rows .row").length === count, shown);
  await page.locator("input[name=ip]").fill("203.0.113.255");
  await page.locator("input[name=ip]").press("Enter");
  await page.getByText("No event matches these filters.").waitFor();
  await state(page, "nothing-found");
  await done(page);
});

test("a range of the timeline is brushed by pointer and by keys", async () => {
  const begin = Date.parse("2026-03-01T00:00:00Z");
  const whole = EVENTS * 7000;
  const range = new URLSearchParams({ start_timestamp: new Date(begin).toISOString(), end_timestamp: new Date(begin + whole).toISOString() });
  const page = await signedIn("large", large, { path: `/#/large/events?${range}` });
  const chart = page.locator(".chart");
  const { x, y, width, height } = await chart.boundingBox();
  await page.mouse.move(x + width * 0.25 + 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.5 - 2, y + height / 2, { steps: 5 });
  await state(page, "brushing");
  await page.mouse.up();
  await page.waitForFunction((start) => !location.hash.includes(start), encodeURIComponent(new Date(begin).toISOString()));
  const [start, end] = ["start_timestamp", "end_timestamp"].map((name) => Date.parse(param(page, name)[0]));
  const bar = whole / 72;
  assert.ok(Math.abs(start - begin - whole / 4) <= bar && Math.abs(end - begin - whole / 2) <= bar, `${start} ${end}`);
  await page.waitForFunction(([start, end]) => {
    const times = [...document.querySelectorAll(".rows .row:not(.loading) .time")].map((cell) => Date.parse(`${cell.textContent.replace(" ", "T")}Z`));
    return times.length > 0 && times.every((time) => time >= start - 1000 && time < end);
  }, [start, end]);

  await chart.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  assert.match(await page.locator("#status").textContent(), /UTC: \d+ events?/);
  const before = new URL(page.url()).hash;
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => location.hash !== before, before);
  // Two bars of what was a quarter of the whole.
  assert.ok(Date.parse(param(page, "end_timestamp")[0]) - Date.parse(param(page, "start_timestamp")[0]) < bar, "it is too long");
  await done(page);
});

test("new events come in live, and only those that match", async () => {
  const page = await visit("/#/large/events?actor=live");
  await signIn(page, "large", large);
  await page.getByText("No event matches these filters.").waitFor();
  const live = page.getByRole("button", { name: "Live", exact: true });
  const polled = page.waitForRequest((request) => request.url().includes("/audit_logs/feed"));
  await live.click();
  await polled;
  await page.getByRole("button", { name: "Live", exact: true, pressed: true }).waitFor();
  const fresh = (name, user_id) => ({ ...event(0), id: name, timestamp: new Date().toISOString(), actor: { user_id, username: user_id }, entity: { entity_type: "group", entity_id: name } });
  await record("large", large, [fresh("live-1", "live"), fresh("live-2", "another")]);
  await rows(page).filter({ hasText: "live-1" }).waitFor();
  await record("large", large, [fresh("live-3", "live")]);
  await rows(page).filter({ hasText: "live-3" }).waitFor();
  assert.deepEqual(await page.locator(".rows .on").allTextContents(), ["live-3", "live-1"]);
  await state(page, "live");
  await live.click();
  await page.getByRole("button", { name: "Live", exact: true, pressed: false }).waitFor();
  await done(page);
});

test("an event shows who, what, before and after, and leads to the histories of both", async () => {
  const page = await signedIn("large", large, { path: "/#/large/events?end_timestamp=2026-06-01T00:00:00Z" });
  await openFirst(page);
  const detail = page.locator(".detail");
  const last = event(EVENTS - 1);
  for (const text of [last.actor.username, last.actor.user_id, "192.0.2.7", last.entity.entity_name, "/role", "nothing", "view", last.id, "é — ≤"]) {
    await detail.getByText(text, { exact: true }).first().waitFor();
  }
  await detail.getByText("The event as JSON").click();
  const raw = JSON.parse(await detail.locator(".raw pre").textContent());
  assert.deepEqual([raw.id, raw.context], [last.id, last.context]);
  await state(page, "detail");

  // The link to one event opens it.
  const link = new URL(page.url()).hash;
  assert.match(link, /event=\d+/);
  const other = await visit(`/${link}`);
  await signIn(other, "large", large);
  await other.locator(".detail").getByText(last.id, { exact: true }).waitFor();
  await done(other);

  await page.getByRole("button", { name: `History of ${last.actor.username}` }).click();
  await page.waitForURL(new RegExp(`actor=${last.actor.user_id}`));
  await rows(page).first().waitFor();
  await openFirst(page);
  await page.getByRole("button", { name: `History of ${last.entity.entity_name}` }).click();
  await page.waitForURL(new RegExp(`entity_id=${last.entity.entity_id}`));
  assert.deepEqual([param(page, "actor"), param(page, "entity_type")], [[], ["group"]]);
  await done(page);
});

test("the page and `auditlog verify event` agree that an event is proved, on the same checkpoint", async () => {
  const page = await signedIn("large", large);
  await openFirst(page);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.proved").waitFor();
  await state(page, "proved");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save with its proof" }).click();
  await (await download).saveAs(file("proof.json"));
  await page.locator(".proof").getByText("The signed checkpoint").click();
  const note = await page.locator(".proof pre").textContent();
  const [name, size, root] = note.split("\n");
  const key = /signed by (\S+),/.exec(await page.locator(".proof ol").innerText())[1];
  const said = execFileSync(process.env.AUDITLOG, ["verify", "event", file("proof.json"), "--key", key], { encoding: "utf8" });
  assert.match(said, /^verified .* of the log of large, unchanged$/m);
  assert.equal(name, key.split("+")[0]);
  // Saving it was a read, whose record may have been sealed since.
  assert.ok(Number(/^log +(\d+) entries/m.exec(said)[1]) >= Number(size) && root.length === 44);

  // The key from another source is held against the server's.
  await page.getByText("The key that you trust").click();
  await page.locator(".proof input").fill(key);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText("the key that you trust").last().waitFor();
  await page.locator(".proof input").fill(`${key.slice(0, -2)}AA`);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.refuted").getByText("another key than the one that you trust").waitFor();
  await done(page);
});

test("an event of which one byte is changed is not proved, by the page nor by the command line", async () => {
  const changes = {
    "a name": (event) => { event.actor.username = event.actor.username.replace("m", "n"); },
    "a time": (event) => { event.timestamp = event.timestamp.replace("Z", "").replace(/\d$/, "1") + "Z"; },
    "the outcome": (event) => { event.outcome = event.outcome === "failure" ? "success" : "failure"; },
    "a number": (event) => { event.context.number += 1; },
    "a value": (event) => { event.changes[0].new = "viev"; },
    "the sequence": (event) => { event.sequence -= 1; },
    "the salt": (event) => { event.salt = (event.salt[0] === "A" ? "B" : "A") + event.salt.slice(1); },
  };
  const page = await visit();
  let change = () => {};
  await page.route("**/api/large/audit_logs?*", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.audit_logs.forEach((event) => change(event));
    await route.fulfill({ response, json: body });
  });
  await signIn(page, "large", large);
  for (const [what, apply] of [["nothing", () => {}], ...Object.entries(changes)]) {
    change = apply;
    // Filtered anew each time, so that the list is read again.
    await page.evaluate((hash) => { location.hash = hash; }, `#/large/events?actor=u${Object.keys(changes).indexOf(what) + 3}`);
    await page.locator(".chip").waitFor();
    await page.waitForFunction((actor) => document.querySelector(".rows .who")?.textContent.endsWith(actor), `_${Object.keys(changes).indexOf(what) + 3}`);
    await openFirst(page);
    await page.getByRole("button", { name: "Verify" }).click();
    const result = page.locator(".proof .result");
    await result.waitFor();
    const expected = what === "nothing" ? /^Proved\./ : /^Not proved\. The event is not what was logged/;
    assert.match(await result.innerText(), expected, what);
    if (what === "a name") await state(page, "not-proved");
    await page.keyboard.press("Escape");
  }
  await done(page);

  const proof = JSON.parse(readFileSync(file("proof.json"), "utf8"));
  proof.event.context.number += 1;
  writeFileSync(file("changed.json"), JSON.stringify(proof));
  const key = (await (await fetch(`${ready.endpoint}/api/large/ledger/key`, { headers: { authorization: `Bearer ${large}` } })).text()).trim();
  assert.throws(() => execFileSync(process.env.AUDITLOG, ["verify", "event", file("changed.json"), "--key", key], { encoding: "utf8", stdio: "pipe" }), (error) => error.status === 1 || error.status === 3);
});

test("a redacted event is proved, and says what was erased", async () => {
  const sample = event(1, Date.parse("2026-02-01T00:00:00Z"));
  sample.actor.user_id = "forgotten";
  await record("acme", ready.bearer, [sample]);
  let sequence = null;
  while (sequence === null) {
    const { audit_logs } = await call("GET", "acme/audit_logs?start_timestamp=2026-02-01T00:00:00Z&end_timestamp=2026-02-02T00:00:00Z", ready.bearer);
    sequence = audit_logs.find(({ id }) => id === sample.id)?.sequence ?? null;
  }
  await call("POST", "acme/redactions", ready.admin_jwt, { sequences: [sequence], parts: ["actor", "context"], reason: "test" });
  const page = await signedIn("acme", ready.bearer, { path: "/#/acme/events?start_timestamp=2026-02-01T00:00:00Z&end_timestamp=2026-02-02T00:00:00Z" });
  await openFirst(page);
  assert.equal(await page.locator(".detail .erased").count(), 2);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator(".proof.proved").getByText("of what was erased (actor, context) the digests fit").waitFor();
  await done(page);
});

test("exports have every event that matches, once", async () => {
  const page = await signedIn("large", large, { path: "/#/large/events?actor=u5" });
  const expected = Array.from({ length: EVENTS }, (_, number) => number).filter((number) => number % 13 === 5).map((number) => event(number).id);
  for (const [button, name] of [["Save as CSV", "large.csv"], ["Save as NDJSON", "large.ndjson"]]) {
    const download = page.waitForEvent("download", { timeout: 600_000 });
    await page.getByRole("button", { name: button }).click();
    await (await download).saveAs(file(name));
  }
  const lines = readFileSync(file("large.ndjson"), "utf8").trim().split("\n").map((line) => JSON.parse(line).id);
  assert.deepEqual(lines.toSorted(), expected);
  const csv = readFileSync(file("large.csv"), "utf8").trim().split(/\r?\n/);
  assert.equal(csv.length, expected.length + 1);
  assert.equal(csv.filter((line) => line.startsWith("id,") || line.includes("workspace_username")).length, 1);
  await done(page);
});

test("a workspace without events says so", async () => {
  // The token's own record is an event; a time before it has none.
  const page = await visit("/#/empty/events?end_timestamp=2026-01-01T00:00:00Z");
  await signIn(page, "empty", empty);
  await page.getByText("No event matches these filters.").waitFor();
  await state(page, "empty");
  await done(page);
});

/** Signs in and scrolls to the end of so many events, back to the top, and to the middle; measures what that takes. */
async function scrollThrough(page, total, t) {
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize / 1_048_576;
  };
  await signIn(page, "large", large);
  await rows(page).first().waitFor();
  const requests = page.requests.filter((url) => url.includes("/api/")).length;
  assert.ok(requests <= 10, `${requests} requests`);
  const begin = await heap();
  const scroller = page.locator(".table");
  const known = () => page.evaluate(() => document.querySelector(".rows").offsetHeight / 40);
  let [mostRows, mostHeap] = [0, 0];
  for (let reached = 0, number = 0; reached < total; number += 1) {
    await scroller.evaluate((element) => { element.scrollTop = element.scrollHeight; });
    // The end has moved away once the next page is there.
    await page.waitForFunction((before) => document.querySelector(".rows").offsetHeight / 40 > before, reached, { timeout: 120_000 });
    reached = await known();
    mostRows = Math.max(mostRows, await rows(page).count());
    if (number % 20 === 0) mostHeap = Math.max(mostHeap, await heap());
  }
  mostHeap = Math.max(mostHeap, await heap());
  // Back past pages that were forgotten: they come again.
  for (const where of [0, 0.5]) {
    await scroller.evaluate((element, where) => { element.scrollTop = element.scrollHeight * where; }, where);
    await page.waitForFunction(() => {
      const shown = [...document.querySelectorAll(".rows .row")];
      const top = document.querySelector(".table").scrollTop / 40;
      return shown.length > 0 && shown.every((row) => !row.classList.contains("loading") && Math.abs(row.dataset.index - top) < 60);
    });
  }
  t.diagnostic(`${requests} requests to the first rows; ${await known()} rows known; at most ${mostRows} rows in the document; heap ${begin.toFixed(1)} MB at first, ${mostHeap.toFixed(1)} MB at most`);
  assert.ok(mostRows < 60, `${mostRows} rows in the document`);
  assert.ok(mostHeap < 64, `${mostHeap} MB of heap`);
}

test(`the list of ${EVENTS} events is there at once, and stays small however far one scrolls`, { timeout: 3_600_000 }, async (t) => {
  const page = await visit();
  await scrollThrough(page, EVENTS, t);
  await state(page, "large");
  await done(page);
});

test("so does one of 100,000 events, whose pages the test makes up", { timeout: 600_000 }, async (t) => {
  // It is about the page alone: EVENTS=100000 has the system itself serve as many.
  const total = 100_000;
  const page = await visit();
  await page.route("**/api/large/ledger/checkpoint", (route) => route.fulfill({ body: `o/large\n${total + 1}\n\n` }));
  await page.route("**/api/large/audit_logs?*", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const [begin, limit] = [Number(query.get("cursor") ?? 0), Number(query.get("limit"))];
    const end = Math.min(begin + limit, total);
    const audit_logs = Array.from({ length: end - begin }, (_, index) => ({
      ...event(total - begin - index), description: "d", sequence: total - begin - index, category: "user_groups",
      received_at: "2026-03-01T00:00:00.000000Z", workspace_username: "large", salt: "AAAAAAAAAAAAAAAAAAAAAA", redacted: null,
    }));
    await route.fulfill({ json: { audit_logs, has_more: end < total, next_cursor: end < total ? String(end) : null } });
  });
  await scrollThrough(page, total, t);
  await done(page);
});

test("it is used by keys alone", async () => {
  const page = await signedIn("large", large);
  await page.locator(".table").focus();
  for (const key of ["ArrowDown", "ArrowDown", "PageDown", "ArrowUp", "Enter"]) await page.keyboard.press(key);
  await page.locator(".detail h2:focus").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".table:focus").waitFor();
  const active = async (id) => page.waitForFunction((id) => document.querySelector(".table").getAttribute("aria-activedescendant") === id && document.getElementById(id), id);
  await page.keyboard.press("Home");
  await active("row-0");
  await page.keyboard.press("ArrowDown");
  await active("row-1");
  await done(page);
});

test("an API that asks for a pause gets it", async () => {
  const page = await visit();
  let refused = 0;
  await page.route("**/api/large/audit_logs?*", async (route) => {
    if (refused < 2) {
      refused += 1;
      await route.fulfill({ status: 429, headers: { "retry-after": "1" }, json: { id: "too_many_requests", message: "slower" } });
    } else await route.continue();
  });
  await signIn(page, "large", large);
  await page.getByText("asks for a pause of 1 second").waitFor();
  await rows(page).first().waitFor();
  assert.equal(refused, 2);
  await done(page);
});

test("an admin makes a token, sees it once, and revokes it", async () => {
  const page = await visit("/#/acme/tokens");
  await state(page, "admin-sign-in");
  await signIn(page, "acme", ready.member_jwt);
  await page.getByRole("alert").getByText("Only admins").waitFor();
  await signIn(page, "acme", ready.admin_jwt);
  await page.getByLabel("Name").fill("from the page");
  await page.getByLabel("record events").check();
  await page.getByLabel("Good for").selectOption("30");
  await page.getByRole("button", { name: "Create" }).click();
  const bearer = await page.locator(".created pre").textContent();
  assert.match(bearer, /^alw_/);
  await state(page, "token-created");
  await call("GET", "acme/audit_logs?limit=1", bearer);
  await page.getByRole("button", { name: "I have it" }).click();
  await page.locator(".created").waitFor({ state: "detached" });
  assert.ok(!(await page.content()).includes(bearer));
  const row = page.locator("tr", { hasText: "from the page" });
  await row.getByText("read, write").waitFor();
  await row.getByRole("button", { name: "Revoke from the page" }).click();
  await row.getByRole("button", { name: "Revoke permanently" }).click();
  await row.getByText("revoked").waitFor();
  const answer = await fetch(`${ready.endpoint}/api/acme/audit_logs?limit=1`, { headers: { authorization: `Bearer ${bearer}` } });
  assert.equal(answer.status, 403);
  await state(page, "tokens");
  await done(page);
});

test("it is readable in the dark, on a phone, and with large text", async () => {
  const dark = await signedIn("acme", ready.bearer, { colorScheme: "dark" });
  await openFirst(dark);
  await dark.getByRole("button", { name: "Verify" }).click();
  await dark.locator(".proof.proved").waitFor();
  await state(dark, "dark");
  await done(dark);
  const phone = await signedIn("acme", ready.bearer, { viewport: { width: 375, height: 740 }, hasTouch: true });
  await state(phone, "phone");
  assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is wider than the screen");
  await phone.locator(".side summary").click();
  await state(phone, "phone-filters");
  await phone.locator(".side summary").click();
  await openFirst(phone);
  await state(phone, "phone-detail");
  await done(phone);
});

test("the checks can fail: an inline script is refused, and axe finds what is planted", async () => {
  const page = await visit();
  await page.evaluate(() => {
    const planted = document.createElement("button");
    document.body.append(planted);
  });
  assert.match((await violations(page)).join(), /button-name/);
  await page.evaluate(() => {
    const script = document.createElement("div");
    try { script.innerHTML = "<b>x</b>"; } catch { document.title = "refused"; }
  });
  assert.equal(await page.title(), "refused");
  assert.ok(page.complaints.length > 0, "the policy was silent");
  await page.context().close();
});
