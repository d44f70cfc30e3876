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

test("there are enough vectors of each verdict, and no name stands twice", () => {
  assert.ok(vectors.length >= 300, `${vectors.length} vectors`);
  assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  for (const verdict of ["proved", "refuted", "unchecked"]) assert.ok(vectors.filter(({ expected }) => expected === verdict).length >= 30, verdict);
});

test("the page's verifier gives the verdict of each vector", async () => {
  const wrong = [];
  for (const { name, bundle, key, workspace, expected } of vectors) {
    const found = await verdictOf(verifyBundle(bundle, { workspace, trustedKey: key }));
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
    // These are in the file and not in what the page is shown.
    if (/leaf|beside|event twice|proof|index|heading|after the file|extra|the event of another/.test(name)) continue;
    const doubt = ambiguities(bundle).find(({ path }) => path[0] === "event")?.message;
    const found = await verdictOf(verify(api, JSON.parse(bundle).event, { workspace, doubt }));
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

test("the command line proves exactly what the page proves", () => {
  const wrong = [];
  const file = join(folder, "bundle.json");
  for (const { name, bundle, key, expected } of vectors) {
    writeFileSync(file, bundle);
    const { status, stderr } = spawnSync(process.env.AUDITLOG, ["verify", "event", file, "--key", key], { encoding: "utf8" });
    assert.ok(!stderr.includes("panicked"), name);
    if ((status === 0) !== (expected === "proved")) wrong.push(`${name}: exit code ${status}, ${stderr.trim()}`);
  }
  assert.deepEqual(wrong, []);
});
