// Writes tests/vectors/events.json: an event with its proof as `auditlog proof` writes both, true or altered, and the
// verdict that every verifier must give. The log is a true one, recorded and signed by the local system:
//
//   cargo build -p local && node tests/vectors/make.mjs target/debug/local
//
// The verdicts: "proved"; "refuted", if the event is not what the log has or could be read as two things; "unchecked", if
// there is nothing in the form of a proof, an event or a key, so that nothing can be said of the event.

import { execFileSync, spawn } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const local = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), "vectors-"));
const [data, readyFile] = [join(folder, "data"), join(folder, "ready.json")];
let [system, ready] = [];
process.on("exit", () => {
  system?.kill();
  rmSync(folder, { recursive: true, force: true });
});
const pause = () => new Promise((resolve) => { setTimeout(resolve, 100); });

/** Starts the system, or starts it again: then it seals what was written past it. */
async function start() {
  if (system) {
    const ended = new Promise((resolve) => { system.on("exit", resolve); });
    system.kill();
    await ended;
    rmSync(readyFile);
  }
  system = spawn(local, ["--data", data, "--port", "0", "--ready-file", readyFile], { stdio: "ignore" });
  while (!existsSync(readyFile) || !readFileSync(readyFile, "utf8")) await pause();
  ready = JSON.parse(readFileSync(readyFile, "utf8"));
}
await start();

async function call(method, path, credential, body) {
  const headers = { authorization: `Bearer ${credential}`, "content-type": "application/json" };
  for (;;) {
    const answer = await fetch(`${ready.endpoint}/api/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (answer.ok) return text;
    if (answer.status !== 404 || method !== "GET") throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    await pause();
  }
}

/** Records a small log in a workspace; gives its key and, by sequence, the files of its entries. */
async function logOf(workspace, number) {
  const jwt = execFileSync(local, ["jwt", "--workspace", workspace, "--data", data], { encoding: "utf8" }).trim();
  const scopes = ["audit_log:read", "audit_log:write"];
  const { bearer } = JSON.parse(await call("POST", `${workspace}/tokens`, jwt, { name: "vectors", scopes }));
  for (let index = 0; index < number; index += 1) {
    await call("POST", `${workspace}/audit_logs`, bearer, {
      id: `e-${index}`, timestamp: `2026-02-18T10:47:${String(index).padStart(2, "0")}Z`, action: "group_member_added",
      outcome: index % 3 === 0 ? "failure" : "success", description: "é — ≤ 😀",
      actor: { user_id: `u${index}`, username: "peter_parker" }, entity: { entity_type: "group", entity_id: "g1" },
      context: { number: index + 40, half: 0.5, "": "empty name" }, changes: [{ path: "/role", old: null, new: "view" }],
    });
  }
  const sequences = [3, 4];
  await call("GET", `${workspace}/ledger/entries/${number}`, bearer);
  await call("POST", `${workspace}/redactions`, jwt, { sequences, parts: ["actor", "context"], reason: "vectors" });
  await call("GET", `${workspace}/ledger/entries/${number + 1}`, bearer);
  const files = [];
  for (let index = 0; index <= number + 1; index += 1) {
    files.push(await call("GET", `${workspace}/ledger/entries/${index}`, bearer));
  }
  return { key: (await call("GET", `${workspace}/ledger/key`, bearer)).split("\n")[0], files };
}

/** JSON with its members in order (RFC 8785, as far as these records need it). */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** The leaf of an event of which nothing was erased. */
function leafOf(event) {
  const leaf = { version: 1, workspace: event.workspace_username };
  for (const name of ["id", "action", "timestamp", "received_at", "outcome"]) leaf[name] = event[name];
  for (const part of ["actor", "changes", "context", "description", "entity"]) {
    const salt = sha256(Buffer.from(event.salt, "base64url"), part).subarray(0, 16).toString("base64url");
    const disclosure = Buffer.from(canonical([salt, part, event[part]])).toString("base64url");
    leaf[part] = sha256(disclosure).toString("base64url");
  }
  return canonical(leaf);
}

/** The private key of a seed, and its public key in base64. */
function keyOf(seed) {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]), format: "der", type: "pkcs8" });
  return { key, text: createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32).toString("base64") };
}

/** The signature of a record of the service, by the key of a log and a service key. */
function signatureOf(event, logKey, serviceKey) {
  const { service_signature: _, ...context } = event.context;
  const signed = (key, lines) => sign(null, Buffer.from(lines.map((line) => `${line}\n`).join("")), key.key).toString("base64");
  return {
    key: serviceKey.text,
    key_signature: signed(logKey, ["audit-log-service-key v1", "audit-logs.local", serviceKey.text]),
    signature: signed(serviceKey, ["audit-log-service-record v1", `audit-logs.local/${event.workspace_username}`, leafOf({ ...event, context })]),
  };
}

/** A call of the tables, past the service. */
async function table(operation, body) {
  const answer = await fetch(ready.dynamodb_endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0", "x-amz-date": "20260101T000000Z", "x-amz-target": `DynamoDB_20120810.${operation}`,
      authorization: "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0",
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A log with records that the service wrote and records that were written into its table; gives its key, and each record
 * with its name and verdict. */
async function logOfServiceRecords() {
  const workspace = "records";
  const jwt = () => execFileSync(local, ["jwt", "--workspace", workspace, "--data", data], { encoding: "utf8" }).trim();
  const { bearer } = JSON.parse(await call("POST", `${workspace}/tokens`, jwt(), { name: "vectors", scopes: ["audit_log:read", "audit_log:write"] }));
  await call("POST", `${workspace}/audit_logs`, bearer, { action: "group_created", actor: { user_id: "u1" }, entity: { entity_type: "group", entity_id: "g1" } });
  await call("GET", `${workspace}/ledger/entries/1`, bearer);
  await call("PATCH", `${workspace}/settings`, jwt(), { retention_days: 3650, confirm: true });
  await call("POST", `${workspace}/redactions`, jwt(), { sequences: [1], parts: ["actor"] });
  const genuine = {};
  for (let sequence = 0; Object.keys(genuine).length < 2; sequence += 1) {
    const file = await call("GET", `${workspace}/ledger/entries/${sequence}`, bearer);
    const { event } = JSON.parse(file);
    if (event.action.startsWith("x_audit_log_")) genuine[event.action] = event;
  }
  const [settings, redaction] = [genuine.x_audit_log_settings_changed, genuine.x_audit_log_redacted];
  const seed = (name) => keyOf(Buffer.from(readFileSync(join(data, name), "utf8").trim(), "base64"));
  const [logKey, serviceKey, strange] = [seed("ledger-key.txt"), seed("service-key.txt"), keyOf(randomBytes(32))];
  const { Items: items } = await table("Query", {
    TableName: "AuditEvents", KeyConditionExpression: "workspace = :workspace", ExpressionAttributeValues: { ":workspace": { S: workspace } },
  });
  const unsigned = ({ service_signature: _, ...context }) => context;
  const receipt = { count: 1, sequences: "1", root: sha256("").toString("base64"), first_timestamp: settings.timestamp, last_timestamp: settings.timestamp };
  const signedBy = (...keys) => (event) => ({ ...event.context, service_signature: signatureOf(event, ...keys) });
  const wrong = (change) => (event) => {
    const signature = signatureOf(event, logKey, serviceKey);
    return { ...event.context, service_signature: change(signature) ?? signature };
  };
  const written = [
    ["a receipt signed as the service signs", redaction, "x_audit_log_expired", receipt, signedBy(logKey, serviceKey), "proved"],
    ["a change of settings signed as the service signs", settings, "x_audit_log_settings_changed", unsigned(settings.context), signedBy(logKey, serviceKey), "proved"],
    ["a receipt without a signature", redaction, "x_audit_log_expired", receipt, undefined, "refuted"],
    ["a redaction record without a signature", redaction, "x_audit_log_redacted", unsigned(redaction.context), undefined, "refuted"],
    ["a change of settings without a signature", settings, "x_audit_log_settings_changed", unsigned(settings.context), undefined, "refuted"],
    ["a change of settings with the signature of another", settings, "x_audit_log_settings_changed", settings.context, undefined, "refuted"],
    ["a redaction record with the signature of a change of settings", redaction, "x_audit_log_redacted", { ...redaction.context, service_signature: settings.context.service_signature }, undefined, "refuted"],
    ["a receipt signed with keys of an attacker", redaction, "x_audit_log_expired", receipt, signedBy(strange, strange), "refuted"],
    ["a receipt signed with a service key of an attacker", redaction, "x_audit_log_expired", receipt, (event) => ({ ...event.context, service_signature: { ...signatureOf(event, strange, strange), key_signature: signatureOf(event, logKey, serviceKey).key_signature } }), "refuted"],
    ["a receipt signed with the log's key", redaction, "x_audit_log_expired", receipt, (event) => ({ ...event.context, service_signature: { ...signatureOf(event, logKey, logKey), key_signature: signatureOf(event, logKey, serviceKey).key_signature } }), "refuted"],
    ["a receipt of another log", redaction, "x_audit_log_expired", receipt, (event) => signedBy(logKey, serviceKey)({ ...event, workspace_username: "others" }), "refuted"],
    ["a receipt whose signature is a text", redaction, "x_audit_log_expired", receipt, wrong(() => "signed"), "refuted"],
    ["a receipt whose signature is null", redaction, "x_audit_log_expired", { ...receipt, service_signature: null }, undefined, "refuted"],
    ["a receipt whose signature has another member", redaction, "x_audit_log_expired", receipt, wrong((signature) => { signature.by = "me"; }), "refuted"],
    ["a receipt whose signature lacks the key", redaction, "x_audit_log_expired", receipt, wrong((signature) => { delete signature.key; }), "refuted"],
    ["a receipt whose key is cut", redaction, "x_audit_log_expired", receipt, wrong((signature) => { signature.key = signature.key.slice(4); }), "refuted"],
    ["a receipt whose signature is cut", redaction, "x_audit_log_expired", receipt, wrong((signature) => { signature.signature = signature.signature.slice(4); }), "refuted"],
    ["a receipt whose signature has another bit", redaction, "x_audit_log_expired", receipt, wrong((signature) => { signature.signature = flipped(signature.signature, 40); }), "refuted"],
    ["a receipt whose statement has another bit", redaction, "x_audit_log_expired", receipt, wrong((signature) => { signature.key_signature = flipped(signature.key_signature, 40); }), "refuted"],
  ];
  for (const [index, [, like, action, context, signing]] of written.entries()) {
    const event = { ...like, id: `expired.forged-${index}`, action, context };
    const item = items.find((item) => item.timestamp.S.endsWith(`#${like.id}`));
    const { sequence: _, ...rest } = item;
    const text = canonical(signing ? signing(event) : context);
    await table("PutItem", { TableName: "AuditEvents", Item: { ...rest, timestamp: { S: `${like.timestamp}#${event.id}` }, action: { S: action }, context: { S: text } } });
  }
  // The search for events that nothing announced has been here today, which is forgotten.
  await table("DeleteItem", { TableName: "AuditLedger", Key: { workspace: { S: "#" }, part: { S: "reconciled" } } });
  await start();
  const named = new Map(written.map(([name, , , , , expected], index) => [`expired.forged-${index}`, [name, expected]]));
  named.set(settings.id, ["a change of settings as it was logged", "proved"]).set(redaction.id, ["a redaction record as it was logged", "proved"]);
  const records = [];
  for (let sequence = 0; records.length < named.size; sequence += 1) {
    const file = await call("GET", `${workspace}/ledger/entries/${sequence}`, bearer);
    const [name, expected] = named.get(JSON.parse(file).event.id) ?? [];
    if (name) records.push({ name, file, expected });
  }
  return { key: (await call("GET", `${workspace}/ledger/key`, bearer)).split("\n")[0], records };
}

const acme = await logOf("vectors", 20);
const other = await logOf("others", 6);
const service = await logOfServiceRecords();
const vectors = [];

function add(name, bundle, expected, key = acme.key, workspace = "vectors") {
  const text = typeof bundle === "string" ? bundle : JSON.stringify(bundle);
  vectors.push({ name, workspace, key, bundle: text, expected });
}

/** The file with its parsed value changed. */
function changed(file, change) {
  const bundle = JSON.parse(file);
  change(bundle, bundle.event);
  return bundle;
}

/** The file with the text of its proof changed. */
function proof(file, change) {
  return changed(file, (bundle) => {
    const before = bundle.proof;
    bundle.proof = change(before, before.split("\n"));
    if (bundle.proof === before) throw new Error("a change of a proof changes nothing");
  });
}

/** The file with its text changed. */
function written(file, from, to) {
  if (!file.includes(from)) throw new Error(`the file has no ${from}`);
  return file.replace(from, to);
}

/** The text in base64 with another bit in its byte at this place. */
function flipped(encoded, at = 7) {
  const bytes = Buffer.from(encoded, "base64");
  bytes[at] ^= 1;
  return encoded.includes("-") || encoded.includes("_") || encoded.length === 22 || encoded.length === 43
    ? bytes.toString("base64url") : bytes.toString("base64");
}

/** A verifier key of this name that signed nothing. */
function strangeKey(name) {
  const { publicKey } = generateKeyPairSync("ed25519");
  const bytes = Buffer.concat([Buffer.of(1), publicKey.export({ format: "der", type: "spki" }).subarray(-32)]);
  const id = createHash("sha256").update(`${name}\n`).update(bytes).digest("hex").slice(0, 8);
  return `${name}+${id}+${bytes.toString("base64")}`;
}

for (const { name, file, expected } of service.records) add(`a record of the service: ${name}`, file, expected, service.key, "records");

acme.files.forEach((file, sequence) => add(`entry ${sequence} as it was logged`, file, "proved"));

const plain = acme.files[7];
const redacted = acme.files[3];
const [name] = acme.key.split("+");
const TEXTS = ["workspace_username", "id", "action", "timestamp", "received_at", "outcome"];
const PARTS = ["actor", "changes", "context", "description", "entity"];

for (const [kind, file] of [["a whole event", plain], ["a redacted event", redacted], ["a record of the service", acme.files[0]]]) {
  const { event, leaf, proof: good } = JSON.parse(file);
  const lines = good.split("\n");
  const hashes = lines.slice(2, lines.indexOf(""));
  const say = (what) => `${kind}: ${what}`;

  // The same event, written in another way.
  add(say("with the members in another order"), changed(file, (bundle) => {
    bundle.event = Object.fromEntries(Object.entries(event).reverse());
  }), "proved");
  add(say("with white space"), JSON.stringify(JSON.parse(file), null, 2), "proved");
  add(say("without its leaf"), changed(file, (bundle) => { delete bundle.leaf; }), "proved");
  add(say("with extra data in the proof"), proof(file, (text) => text.replace("index", "extra YQ==\nindex")), "proved");
  add(say("with a signature of another log beside"), proof(file, (text) => `${text}\u2014 witness.example AAAAAAAA\n`), "proved");
  // The leaf does not cover the category, which follows from the action.
  add(say("under a false category"), changed(file, (_, event) => { event.category = "export_data"; }), "refuted");
  add(say("without its category"), changed(file, (_, event) => { delete event.category; }), "proved");
  add(say("with another member"), changed(file, (_, event) => { event.verified = true; }), "refuted");

  for (const member of TEXTS) {
    add(say(`another ${member}`), changed(file, (_, event) => { event[member] = `${event[member]}0`; }), "refuted");
    add(say(`no ${member}`), changed(file, (_, event) => { delete event[member]; }), "refuted");
    add(say(`a number as ${member}`), changed(file, (_, event) => { event[member] = 1; }), "refuted");
  }
  for (const part of PARTS) {
    add(say(`another ${part}`), changed(file, (_, event) => { event[part] = { a: 1 }; }), "refuted");
    add(say(`no ${part}`), changed(file, (_, event) => { delete event[part]; }), "refuted");
    add(say(`a number as ${part}`), changed(file, (_, event) => { event[part] = 0; }), "refuted");
  }
  // An event that was saved before it was sealed has its sequence from the proof.
  add(say("no sequence"), changed(file, (_, event) => { delete event.sequence; }), "proved");
  add(say("the sequence null"), changed(file, (_, event) => { event.sequence = null; }), "proved");
  for (const sequence of new Set([-1, -event.sequence - 1, event.sequence + 1, event.sequence + 0.5, `${event.sequence}`, true, 2 ** 53, 21, 22, 1e15])) {
    add(say(`the sequence ${JSON.stringify(sequence)}`), changed(file, (_, event) => { event.sequence = sequence; }), "refuted");
  }
  add(say("the sequence with a fraction of zero"), written(file, `"sequence":${event.sequence},`, `"sequence":${event.sequence}.0,`), "refuted");
  add(say("the sequence with an exponent"), written(file, `"sequence":${event.sequence},`, `"sequence":${event.sequence}e0,`), "refuted");

  const disclosures = [
    ["no salt", (event) => { delete event.salt; delete event.redacted; }],
    ["a salt that is null, and nothing redacted", (event) => { [event.salt, event.redacted] = [null, null]; }],
    ["both a salt and redacted parts", (event) => { [event.salt, event.redacted] = ["AAAAAAAAAAAAAAAAAAAAAA", { digests: {}, salts: {} }]; }],
    ["a salt that is a number", (event) => { event.salt = 7; }],
    ["a salt of 15 bytes", (event) => { [event.salt, event.redacted] = ["AAAAAAAAAAAAAAAAAAAA", null]; }],
    ["a redacted list", (event) => { [event.salt, event.redacted] = [null, [{}, {}]]; }],
    ["redacted parts without lists", (event) => { [event.salt, event.redacted] = [null, {}]; }],
    ["redacted parts without salts", (event) => { [event.salt, event.redacted] = [null, { digests: {} }]; }],
    ["redacted that is true", (event) => { [event.salt, event.redacted] = [null, true]; }],
    ["the salt of zeros", (event) => { [event.salt, event.redacted] = ["AAAAAAAAAAAAAAAAAAAAAA", null]; }],
  ];
  for (const [what, change] of disclosures) add(say(what), changed(file, (_, event) => change(event)), "refuted");

  // Readers differ over these.
  add(say("a member twice"), written(file, `"action":"${event.action}"`, `"action":"group_deleted","action":"${event.action}"`), "refuted");
  add(say("a member twice, once escaped"), written(file, `"action":"${event.action}"`, `"\\u0061ction":"group_deleted","action":"${event.action}"`), "refuted");
  add(say("the event twice"), written(file, '"leaf":', `"event":${JSON.stringify(event)},"leaf":`), "refuted");
  add(say("an inexact number beside the event"), written(file, '"category":', '"number":9007199254740993,"category":'), "refuted");
  add(say("a negative zero"), written(file, '"category":', '"number":-0,"category":'), "refuted");
  add(say("something beside the event"), changed(file, (bundle) => { bundle.verified = true; }), "refuted");

  add(say("another leaf"), changed(file, (bundle) => { bundle.leaf = leaf.replace("outcome", "outcame"); }), "refuted");
  add(say("the leaf of another entry"), changed(file, (bundle) => { bundle.leaf = JSON.parse(acme.files[9]).leaf; }), "refuted");
  add(say("a leaf with white space"), changed(file, (bundle) => { bundle.leaf = leaf.replace(",", ", "); }), "refuted");
  add(say("the proof of another entry"), changed(file, (bundle) => { bundle.proof = JSON.parse(acme.files[9]).proof; }), "refuted");
  add(say("the event of another entry"), changed(file, (bundle) => { bundle.event = JSON.parse(acme.files[9]).event; }), "refuted");
  add(say("the proof of another workspace"), changed(file, (bundle) => { bundle.proof = JSON.parse(other.files[event.sequence > 6 ? 1 : event.sequence]).proof; }), "refuted");
  add(say("another index"), proof(file, (text) => text.replace(/index \d+/, `index ${event.sequence + 1}`)), "refuted");
  add(say("an index beyond the log"), proof(file, (text) => text.replace(/index \d+/, "index 4000")), "refuted");
  add(say("a hash changed"), proof(file, (text) => text.replace(hashes[0], flipped(hashes[0]))), "refuted");
  add(say("the last hash changed"), proof(file, (text) => text.replace(hashes.at(-1), flipped(hashes.at(-1), 31))), "refuted");
  add(say("two hashes swapped"), proof(file, (text) => text.replace(`${hashes[0]}\n${hashes[1]}`, `${hashes[1]}\n${hashes[0]}`)), "refuted");
  add(say("a hash less"), proof(file, (text) => text.replace(`${hashes[0]}\n`, "")), "refuted");
  add(say("the last hash less"), proof(file, (text) => text.replace(`${hashes.at(-1)}\n\n`, "\n")), "refuted");
  add(say("a hash more"), proof(file, (text) => text.replace(hashes[0], `${hashes[0]}\n${hashes[0]}`)), "refuted");
  add(say("no hash"), proof(file, (text) => text.replace(`${hashes.join("\n")}\n`, "")), "refuted");
  const note = good.slice(good.indexOf("\n\n") + 2);
  const [origin, size, root] = note.split("\n");
  const signature = /^\u2014 \S+ (\S+)$/mu.exec(note)[1];
  add(say("a larger log"), proof(file, (text) => text.replace(`\n${size}\n`, `\n${Number(size) + 1}\n`)), "refuted");
  add(say("an empty log"), proof(file, (text) => text.replace(`\n${size}\n`, "\n0\n")), "refuted");
  add(say("another root"), proof(file, (text) => text.replace(root, flipped(root))), "refuted");
  add(say("another origin"), proof(file, (text) => text.replace(`${origin}\n`, `${origin}s\n`)), "refuted");
  add(say("another signature"), proof(file, (text) => text.replace(signature, flipped(signature, 20))), "refuted");
  add(say("another key id in the signature"), proof(file, (text) => text.replace(signature, flipped(signature, 1))), "refuted");
  add(say("the signature of another name"), proof(file, (text) => text.replace(`\u2014 ${name}`, `\u2014 ${name}s`)), "refuted");
  add(say("the key of another workspace"), file, "refuted", other.key);
  add(say("another key of this name"), file, "refuted", strangeKey(name));

  add(say("no proof"), changed(file, (bundle) => { delete bundle.proof; }), "unchecked");
  add(say("an empty proof"), changed(file, (bundle) => { bundle.proof = ""; }), "unchecked");
  add(say("a proof that is a number"), changed(file, (bundle) => { bundle.proof = 7; }), "unchecked");
  add(say("another heading"), proof(file, (text) => text.replace("@v1", "@v2")), "unchecked");
  add(say("no index"), proof(file, (text) => text.replace(/index \d+\n/, "")), "unchecked");
  add(say("an index with a zero before it"), proof(file, (text) => text.replace("index ", "index 0")), "unchecked");
  add(say("a negative index"), proof(file, (text) => text.replace("index ", "index -")), "unchecked");
  add(say("a hash that is cut"), proof(file, (text) => text.replace(hashes[0], hashes[0].slice(4))), "unchecked");
  add(say("a hash that is no base64"), proof(file, (text) => text.replace(hashes[0], "*")), "unchecked");
  add(say("extra data that is no base64"), proof(file, (text) => text.replace("index", "extra *\nindex")), "unchecked");
  add(say("a proof without a checkpoint"), proof(file, (text) => text.slice(0, text.indexOf("\n\n"))), "unchecked");
  add(say("a checkpoint without signatures"), proof(file, (text) => text.replace(/\n\u2014 [^]*$/u, "")), "unchecked");
  add(say("a checkpoint whose size has a zero before it"), proof(file, (text) => text.replace(`\n${size}\n`, `\n0${size}\n`)), "unchecked");
  add(say("a checkpoint whose root is cut"), proof(file, (text) => text.replace(root, root.slice(4))), "unchecked");
  add(say("a signature that is no base64"), proof(file, (text) => text.replace(signature, "*")), "unchecked");
  add(say("line ends of another system"), proof(file, (text) => text.replaceAll("\n", "\r\n")), "unchecked");
  add(say("a key that is none"), file, "unchecked", "key");
  add(say("a key with another id"), file, "unchecked", acme.key.replace(/\+[0-9a-f]{8}\+/, "+00000000+"));
  add(say("the file cut"), file.slice(0, -9), "unchecked");
  add(say("something after the file"), `${file} {}`, "unchecked");
  add(say("a byte order mark"), `\ufeff${file}`, "unchecked");
}

add("a whole event: a number written with a fraction of zero", written(plain, '"number":46', '"number":46.0'), "proved");
add("a whole event: a number written with an exponent", written(plain, '"number":46', '"number":4.6e1'), "proved");
add("a whole event: a letter that is escaped", written(plain, '"é', '"\\u00e9'), "proved");
add("a whole event: an inexact number", written(plain, '"half":0.5', '"half":0.50000000000000000001'), "refuted");
add("a whole event: a number beyond all doubles", written(plain, '"half":0.5', '"half":1e999'), "refuted");
add("a whole event: half a character", written(plain, '"peter_parker"', '"peter\\ud83d"'), "refuted");
add("a whole event: a member of a part twice", written(plain, '"username":"peter_parker"', '"username":"x","username":"peter_parker"'), "refuted");
for (const [what, change] of [
  ["padded", (salt) => `${salt}==`], ["in another alphabet", (salt) => `+/${salt.slice(2)}`], ["with other bits at its end", (salt) => salt.slice(0, -1) + (salt.at(-1) === "A" ? "B" : "A")],
  ["with a line end", (salt) => `${salt}\n`], ["with one letter less", (salt) => salt.slice(1)], ["changed", (salt) => flipped(salt)],
]) {
  add(`a whole event: the salt ${what}`, changed(plain, (_, event) => { event.salt = change(event.salt); }), "refuted");
  add(`a redacted event: a kept salt ${what}`, changed(redacted, (_, event) => { event.redacted.salts.entity = change(event.redacted.salts.entity); }), "refuted");
}
for (const [what, change] of [
  ["a digest changed", ({ digests }) => { digests.actor = flipped(digests.actor); }], ["a digest padded", ({ digests }) => { digests.actor += "="; }],
  ["a digest less", ({ digests }) => { delete digests.actor; }], ["a salt less", ({ salts }) => { delete salts.entity; }],
  ["a digest as a salt", (all) => { all.salts.actor = all.digests.actor; delete all.digests.actor; }], ["a digest of no part", ({ digests }) => { digests.outcome = digests.actor; }],
  ["a part in both lists", ({ digests, salts }) => { digests.entity = digests.actor; delete salts.description; }],
  ["another list", (all) => { all.reasons = {}; }], ["digests as a list", (all) => { all.digests = Object.values(all.digests); }], ["digests that are null", (all) => { all.digests = null; }],
  ["a digest that is a number", ({ digests }) => { digests.actor = 7; }],
]) add(`a redacted event: ${what}`, changed(redacted, (_, event) => change(event.redacted)), "refuted");
add("a redacted event: the actor shown", changed(redacted, (_, event) => { event.actor = JSON.parse(plain).event.actor; }), "refuted");
add("a redacted event: the context shown", changed(redacted, (_, event) => { event.context = { a: 1 }; }), "refuted");
for (const [what, text] of [["nothing", ""], ["a list", "[]"], ["null", "null"], ["a text", '"event"'], ["an empty object", "{}"]]) {
  add(`a file of ${what}`, text, "unchecked");
}

writeFileSync(new URL("events.json", import.meta.url), `[\n${vectors.map((vector) => JSON.stringify(vector)).join(",\n")}\n]\n`);
console.log(vectors.length, JSON.stringify(vectors.reduce((count, { expected }) => ({ ...count, [expected]: (count[expected] ?? 0) + 1 }), {})));
system.kill();
process.exit(0);
