// The page's verifier and the command line, held to the verdicts of tests/vectors/events.json.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const vectors = JSON.parse(readFileSync(new URL("../vectors/events.json", import.meta.url), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "verifier-"));
after(() => rmSync(folder, { recursive: true }));
// Node takes the page's files for modules where their folder says so.
writeFileSync(join(folder, "package.json"), '{"type": "module"}');
for (const name of ["json.js", "ledger.js"]) cpSync(new URL(`../../functions/viewer/page/${name}`, import.meta.url), join(folder, name));
const { Refuted, Unchecked, verify, verifyBundle } = await import(join(folder, "ledger.js"));
const { ambiguities } = await import(join(folder, "json.js"));

/** The category of an action, as the API's catalogue has it. */
const catalogue = readFileSync(new URL("../../cli/src/catalogue.rs", import.meta.url), "utf8");
const categories = new Map([...catalogue.slice(0, catalogue.indexOf("];")).matchAll(/\("(\w+)", "(\w+)"\)/g)].map(([, action, category]) => [action, category]));
const categoryOf = (action) => categories.get(action) ?? (action.startsWith("x_") ? "custom" : "other");

async function verdictOf(proving) {
  try {
    await proving;
    return "proved";
  } catch (error) {
    if (error instanceof Refuted) return "refuted";
    if (error instanceof Unchecked) return "unchecked";
    throw error;
  }
}

/** The API as it would answer where a file is all there is. */
function apiOf({ bundle, key }) {
  const { event, proof } = JSON.parse(bundle);
  const lines = proof.split("\n");
  const end = lines.indexOf("");
  const note = lines.slice(end + 1).join("\n");
  const answers = {
    "ledger/key": `${key}\n`, "ledger/checkpoint": note,
    "ledger/proof/inclusion": { sequence: event.sequence, size: Number(note.split("\n")[1]), hashes: lines.slice(lines.findIndex((line) => line.startsWith("index ")) + 1, end) },
  };
  return { text: async (path) => ({ text: answers[path] }), json: async (path) => answers[path] };
}

test("the categories of all 50 actions are known", () => assert.equal(categories.size, 50));

test("there are enough vectors of each verdict, and no name stands twice", () => {
  assert.ok(vectors.length >= 300, `${vectors.length} vectors`);
  assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  for (const verdict of ["proved", "refuted", "unchecked"]) assert.ok(vectors.filter(({ expected }) => expected === verdict).length >= 30, verdict);
});

test("the page's verifier gives the verdict of each vector", async () => {
  const wrong = [];
  for (const { name, bundle, key, workspace, expected } of vectors) {
    const found = await verdictOf(verifyBundle(bundle, { workspace, trustedKey: key, categoryOf }));
    if (found !== expected) wrong.push(`${name}: ${found} instead of ${expected}`);
  }
  assert.deepEqual(wrong, []);
});

test("an event that the API shows gets the verdict that its file gets", async () => {
  let checked = 0;
  const wrong = [];
  for (const vector of vectors) {
    let api;
    try { api = apiOf(vector); } catch { continue; }
    const { name, bundle, workspace, expected } = vector;
    // These are in the file and not in what the page is shown, or cannot be asked for without a sequence.
    if (/no sequence|sequence null|leaf|beside|event twice|proof|index|heading|after the file|extra|the event of another/.test(name)) continue;
    const doubt = ambiguities(bundle).find(({ path }) => path[0] === "event")?.message;
    const found = await verdictOf(verify(api, JSON.parse(bundle).event, { workspace, doubt, categoryOf }));
    checked += 1;
    if (found !== expected && expected === "proved") wrong.push(`${name}: ${found} instead of ${expected}`);
    if (found === "proved" && expected !== "proved") wrong.push(`${name}: ${found} instead of ${expected}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(checked > 200, `${checked} checked`);
});

test("an event of another workspace is refuted, whatever log it is in", async () => {
  const vector = vectors.find(({ expected }) => expected === "proved");
  assert.equal(await verdictOf(verify(apiOf(vector), JSON.parse(vector.bundle).event, { workspace: "globex" })), "refuted");
});

test("an answer that is missing or no proof refutes nothing, and is told in words", async () => {
  const vector = vectors.find(({ expected }) => expected === "proved");
  const { event } = JSON.parse(vector.bundle);
  const good = apiOf(vector);
  const offline = async () => { throw new Error("The API cannot be reached."); };
  const proofs = [null, {}, [], { hashes: null }, { sequence: event.sequence, size: 1, hashes: [] }, { sequence: event.sequence, hashes: {} }, { hashes: ["x"] }];
  const apis = [{ ...good, json: offline }, { ...good, text: offline }, ...proofs.map((proof) => ({ ...good, json: async () => proof }))];
  for (const api of apis) {
    await assert.rejects(verify(api, event, { workspace: vector.workspace }), (error) => error instanceof Unchecked && !/undefined|not a function|reading/.test(error.message));
  }
});

test("of several keys that the API names, the one of the log is taken", async () => {
  const vector = vectors.find(({ expected }) => expected === "proved");
  const api = apiOf(vector);
  const { text } = api;
  const second = vectors.find(({ name }) => name.endsWith("the key of another workspace")).key;
  api.text = async (path) => (path === "ledger/key" ? { text: `${second}\n${vector.key}\n` } : text(path));
  const { key } = await verify(api, JSON.parse(vector.bundle).event, { workspace: vector.workspace });
  assert.equal(key, vector.key);
});

test("the command line gives the verdict of each vector", () => {
  const verdicts = { 0: "proved", 1: "refuted", 4: "unchecked" };
  const wrong = [];
  const file = join(folder, "bundle.json");
  for (const { name, bundle, key, expected } of vectors) {
    writeFileSync(file, bundle);
    const { status, stderr } = spawnSync(process.env.AUDITLOG, ["verify", "event", file, "--key", key], { encoding: "utf8" });
    assert.ok(!stderr.includes("panicked"), name);
    // A key that is none, or a file without a proof, is a mistake in the command.
    const found = verdicts[status] ?? (status === 2 && expected === "unchecked" ? "unchecked" : `exit code ${status}`);
    if (found !== expected) wrong.push(`${name}: ${found} instead of ${expected}, ${stderr.trim()}`);
  }
  assert.deepEqual(wrong, []);
});

test("the page gives each forged bundle and receipt of the corpus its answer", async () => {
  const corpus = new URL("../vectors/forgeries/", import.meta.url);
  const read = (name) => readFileSync(new URL(encodeURIComponent(name), corpus), "utf8");
  const trustedKey = read("log.vkey").trim();
  const rows = JSON.parse(read("expected.json"));
  const wrong = [];
  let checked = 0;
  // The page reads one event with its proof, and no other kind of file.
  for (const { file, page } of rows.filter((row) => row.page !== null)) {
    // The page reads a file as a browser does: bytes that are not UTF-8 become another character.
    const found = await verdictOf(verifyBundle(read(file), { workspace: "acme", trustedKey, categoryOf }));
    checked += 1;
    if (found !== page) wrong.push(`${file}: ${found} instead of ${page}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(checked >= 76, `${checked} checked`);
});
