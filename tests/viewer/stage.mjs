// The system that is tested, a browser before it, and what several tests do with both.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const work = process.env.VIEWER_WORK;
const require = createRequire(join(work, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export const ready = JSON.parse(readFileSync(join(work, "ready.json"), "utf8"));
export const file = (name) => join(work, name);

/** Calls the API as anybody does. */
export async function call(method, path, credential, body) {
  const headers = { authorization: `Bearer ${credential}` };
  if (body) headers["content-type"] = "application/json";
  for (;;) {
    const answer = await fetch(`${ready.endpoint}/api/${path}`, { method, headers, body: body && JSON.stringify(body) });
    // A busy machine makes the store slow; an event that is sent again is recorded once.
    const isAgain = answer.status === 429 || (answer.status === 503 && (method === "GET" || path.endsWith("/audit_logs")));
    if (isAgain) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
      continue;
    }
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }
}

/** The JWT of an admin of a workspace. */
export const jwtOf = (workspace) => execFileSync(process.env.LOCAL, ["jwt", "--workspace", workspace, "--data", process.env.DATA], { encoding: "utf8" }).trim();

/** A token of a workspace for everything. */
export async function tokenOf(workspace, jwt) {
  const body = { name: "test", scopes: ["audit_log:read", "audit_log:write"] };
  return (await call("POST", `${workspace}/tokens`, jwt, body)).bearer;
}

/** An event of a story with some variety, number so many, one every 7 seconds. */
export function event(number, begin = Date.parse("2026-03-01T00:00:00Z")) {
  const actions = ["group_member_added", "connection_group_added_with_role", "report_activity_report_edited", "org_user_role_changed"];
  return {
    id: `e-${String(number).padStart(7, "0")}`,
    timestamp: new Date(begin + number * 7000).toISOString(),
    action: actions[number % actions.length],
    outcome: number % 11 === 0 ? "failure" : "success",
    actor: { user_id: `u${number % 13}`, username: `member_${number % 13}`, ip: "192.0.2.7" },
    entity: { entity_type: "group", entity_id: `g${number % 29}`, entity_name: `Group ${number % 29}` },
    context: { number, note: "é — ≤" },
    changes: [{ path: "/role", old: null, new: "view" }],
  };
}

/** Records events by the API, as many as there are. */
export async function record(workspace, token, events) {
  for (let at = 0; at < events.length; at += 500) {
    const { results } = await call("POST", `${workspace}/audit_logs`, token, { events: events.slice(at, at + 500) });
    for (const { status } of results) assert.ok(["recorded", "duplicate"].includes(status));
  }
}

/** Waits until all that was recorded so far is sealed. */
export async function sealed(workspace, token, size) {
  for (;;) {
    const answer = await fetch(`${ready.endpoint}/api/${workspace}/ledger/checkpoint`, { headers: { authorization: `Bearer ${token}` } });
    if (answer.ok && Number((await answer.text()).split("\n")[1]) >= size) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

let browser;
export const launch = async () => { browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS }); };
export const close = () => browser.close();

/** A page of its own, that fails the test at the first error, refusal of the policy, or request to elsewhere. */
export async function visit(path = "/", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 30_000));
  page.complaints = [];
  page.requests = [];
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("console", (message) => {
    // A refusal that a test asks for is told by the browser as well.
    const isRefusal = /Failed to load resource: the server responded with a status of/.test(message.text());
    const isLost = page.ignoreNetwork && /Failed to load resource: net::/.test(message.text());
    if (message.type() === "error" && !isRefusal && !isLost) page.complaints.push(message.text());
  });
  page.on("request", (request) => {
    page.requests.push(request.url());
    const isOwn = request.url().startsWith(`${ready.endpoint}/`) || request.url().startsWith("blob:");
    if (!isOwn) page.complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(`${ready.endpoint}${path}`);
  return page;
}

/** Signs in on the page as it stands. */
export async function signIn(page, workspace, credential) {
  await page.getByLabel("Workspace", { exact: true }).fill(workspace);
  await page.locator("input[name=credential]").fill(credential);
  await page.locator("form.signin button").click();
}

/** Signed in on the page with a token, with the first rows there. */
export async function signedIn(workspace = "acme", token = ready.bearer, { path = "/", ...options } = {}) {
  const page = await visit(path, options);
  await signIn(page, workspace, token);
  await page.locator(".rows .row").first().waitFor();
  return page;
}

export const rows = (page) => page.locator(".rows .row");

/** Ends a test: nothing may have gone wrong in the page meanwhile. */
export async function done(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** What axe finds that is serious or worse. */
export async function violations(page) {
  // The policy refuses an added script; the debugger may evaluate one.
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document));
  return found.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** Keeps a picture of a state, and has axe look at it. */
export async function state(page, name) {
  mkdirSync(file("screenshots"), { recursive: true });
  await page.screenshot({ path: file(`screenshots/${name}.png`) });
  assert.deepEqual(await violations(page), [], `${name} is not accessible`);
}
