// Checks that an event is in the log of its workspace and was not changed: from the event as it is shown to the
// signature of the log. Written from docs/ledger.md and the standards it names, and shares nothing with the server
// nor with the command line. SHA-256 and Ed25519 are the browser's own (WebCrypto).
//
// There are three verdicts. `verify` returns if the event is proved. It throws `Refuted` if the event is not what the log
// has, and `Unchecked` if that could not be found out: nothing came, or nothing that is in the form of a proof.

import { ambiguities } from "./json.js";

const PARTS = ["actor", "changes", "context", "description", "entity"];
const ERASED = { actor: null, changes: [], context: {}, description: null, entity: null };
const TEXTS = { workspace: "workspace_username", id: "id", action: "action", timestamp: "timestamp", received_at: "received_at", outcome: "outcome" };
const COVERED = new Set([...PARTS, ...Object.values(TEXTS), "sequence", "salt", "redacted"]);
const PROOF_HEADING = "c2sp.org/tlog-proof@v1\n";
const SERVICE_RECORDS = new Set(["x_audit_log_expired", "x_audit_log_redacted", "x_audit_log_settings_changed"]);
const SIGNATURE = { key: 32, key_signature: 64, signature: 64 };
const KEY = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/;
const utf8 = new TextEncoder();

/** The event is not what the log has. */
export class Refuted extends Error {}
/** Whether the event is what the log has could not be found out. */
export class Unchecked extends Error {}

/** Checks an event that the API has shown. `workspace` is the one that was signed in to, `trustedKey` the log's key from
 * another source; without it the server's word for the key is taken, and the result says so. `doubt` is what was
 * ambiguous in the text that the event came in. `categoryOf` gives the category of an action. */
export async function verify(api, event, { workspace, trustedKey = "", doubt, categoryOf } = {}) {
  if (!globalThis.crypto?.subtle) {
    throw new Unchecked("This browser checks nothing on a page without HTTPS. Use `auditlog verify event`.");
  }
  if (doubt) throw new Refuted(`The event could be read as two things: ${doubt}.`);
  const entry = await entryOf(event, workspace);
  requireCategory(event, categoryOf);
  const key = await chooseKey(await text(api, "ledger/key"), workspace, trustedKey);
  const checkpoint = await openCheckpoint(await text(api, "ledger/checkpoint"), key);
  if (event.sequence === null) throw new Unchecked("The event was not sealed yet when it was read. Load it again.");
  if (!isPlace(event.sequence)) throw new Refuted("The sequence of the event is no whole number.");
  if (event.sequence >= checkpoint.size) {
    throw new Refuted(`Sequence ${event.sequence} is not in a log of ${checkpoint.size} entries.`);
  }
  const query = new URLSearchParams({ sequence: event.sequence, size: checkpoint.size });
  const proof = await asked(() => api.json("ledger/proof/inclusion", query));
  if (proof?.sequence !== event.sequence || proof.size !== checkpoint.size || !Array.isArray(proof.hashes)) {
    throw new Unchecked("The API's proof is not in its form, or is of another entry.");
  }
  const proved = await lead(entry, event.sequence, checkpoint, proof.hashes, key, Boolean(trustedKey));
  await verifyServiceRecord(event, key);
  return proved;
}

/** Checks the text of a file that has an event with its leaf and proof, as `auditlog proof` writes it. */
export async function verifyBundle(text, { workspace, trustedKey, categoryOf }) {
  let bundle;
  try { bundle = JSON.parse(text); } catch { throw new Unchecked("It is not one JSON text."); }
  const [doubt] = ambiguities(text);
  if (doubt) throw new Refuted(`It could be read as two things: ${doubt.message}.`);
  if (bundle === null || typeof bundle !== "object" || Array.isArray(bundle)) throw new Unchecked("It has no event.");
  if (!Object.hasOwn(bundle, "event") || typeof bundle.proof !== "string") throw new Unchecked("It has no event or no proof.");
  const { event, leaf, proof } = bundle;
  if (Object.keys(bundle).some((name) => !["event", "leaf", "proof"].includes(name))) {
    throw new Refuted("It has more than an event, its leaf and its proof.");
  }
  const { sequence, hashes, note } = readProof(proof);
  const key = await chooseKey(trustedKey, workspace, "");
  const checkpoint = await openCheckpoint(note, key);
  const entry = await entryOf(event, workspace);
  requireCategory(event, categoryOf);
  if (leaf !== undefined && leaf !== entry.leaf) throw new Refuted("The leaf is not that of the event.");
  // An event that was saved before it was sealed has no sequence.
  if (event.sequence !== null && event.sequence !== undefined && event.sequence !== sequence) throw new Refuted("The proof is of another entry than the event.");
  if (sequence >= checkpoint.size) throw new Refuted(`Sequence ${sequence} is not in a log of ${checkpoint.size} entries.`);
  const proved = await lead(entry, sequence, checkpoint, hashes, key, true);
  await verifyServiceRecord(event, key);
  return proved;
}

/** That the category of an event, which is not in its leaf, follows from its action. */
function requireCategory({ action, category }, categoryOf) {
  const right = categoryOf?.(action);
  if (right !== undefined && category !== undefined && category !== right) {
    throw new Refuted(`The category ${category} is false: that of ${action} is ${right}.`);
  }
}

/** The hash by which the log knows an event, which parts of the event were erased, and which members no proof covers. */
export async function entryOf(event, workspace) {
  if (event === null || typeof event !== "object" || Array.isArray(event)) throw new Refuted("The event is no JSON object.");
  const members = { version: 1 };
  for (const [name, member] of Object.entries(TEXTS)) {
    if (!Object.hasOwn(event, member) || typeof event[member] !== "string") throw new Refuted(`The event has no ${member}.`);
    members[name] = event[member];
  }
  if (workspace !== undefined && members.workspace !== workspace) {
    throw new Refuted(`The event is of the workspace ${members.workspace}, and not of ${workspace}.`);
  }
  const withheld = [];
  const saltOf = salts(event);
  for (const part of PARTS) {
    if (!Object.hasOwn(event, part)) throw new Refuted(`The event has no ${part}.`);
    const { salt, digest } = await saltOf(part);
    if (digest !== undefined) {
      if (canonical(event[part]) !== canonical(ERASED[part])) {
        throw new Refuted(`The event shows its ${part}, which it says was erased.`);
      }
      withheld.push(part);
    }
    members[part] = digest ?? base64url(await sha256(utf8.encode(base64url(utf8.encode(canonical([salt, part, event[part]]))))));
  }
  const leaf = canonical(members);
  const uncovered = Object.keys(event).filter((name) => !COVERED.has(name));
  const unknown = uncovered.find((name) => name !== "category");
  if (unknown !== undefined) throw new Refuted(`The event has a member ${unknown}, which no event has.`);
  return { leaf, hash: await sha256(Uint8Array.of(0), utf8.encode(leaf)), withheld, uncovered };
}

/** A function that gives the salt of a part, or once the part was erased, its digest. */
function salts({ salt, redacted }) {
  if (typeof salt === "string" && redacted === null) {
    const seed = strict(salt, 16);
    if (!seed) throw new Refuted("The salt of the event is not 16 bytes of base64url.");
    return async (part) => ({ salt: base64url((await sha256(seed, utf8.encode(part))).slice(0, 16)) });
  }
  if (salt !== null || redacted === null || redacted === undefined) {
    throw new Refuted("The event has no salt, or both a salt and erased parts.");
  }
  const { digests, salts: kept } = redacted;
  const isWhole = isMap(redacted) && isMap(digests) && isMap(kept) && Object.keys(redacted).length === 2
    && Object.keys(digests).length + Object.keys(kept).length === PARTS.length;
  if (!isWhole) throw new Refuted("The digests and salts of the erased event are not of its five parts.");
  return async (part) => {
    const has = [Object.hasOwn(digests, part), Object.hasOwn(kept, part)];
    const value = has[0] ? digests[part] : kept[part];
    if (has[0] === has[1] || !strict(value, has[0] ? 32 : 16)) {
      throw new Refuted(`The event has neither a salt nor a digest of its ${part}, or not in its form.`);
    }
    return has[0] ? { digest: value } : { salt: value };
  };
}

/** RFC 8785. Its numbers are those of JavaScript, and its order is that of UTF-16. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** Follows a proof from an entry to the signed root. */
async function lead(entry, sequence, checkpoint, hashes, key, isTrusted) {
  const path = hashes.map((hash) => {
    const bytes = padded(hash, 32);
    if (!bytes) throw new Unchecked("The proof is not in its form: a hash is not 32 bytes in base64.");
    return bytes;
  });
  const root = await rootFrom(entry.hash, sequence, checkpoint.size, path);
  if (!root || !equal(root, checkpoint.root)) {
    throw new Refuted("The event is not what was logged: its hash does not lead to the signed root.");
  }
  return {
    key: key.text, isTrusted, checkpoint, leaf: base64(entry.hash), steps: path.length,
    withheld: entry.withheld, uncovered: entry.uncovered,
  };
}

/** Refuses a record of the service that the service did not write. The record brings the key that signed it, and the signature
 * by which the log's key vouches for that key. */
async function verifyServiceRecord(event, { name, key }) {
  if (!SERVICE_RECORDS.has(event.action)) return;
  const refuse = (why) => { throw new Refuted(`The service did not write the event, which is one of its records: ${why}.`); };
  const { service_signature: signed, ...context } = event.context;
  if (signed === undefined) refuse("it has no signature of the service");
  const isWhole = isMap(signed) && Object.keys(signed).length === Object.keys(SIGNATURE).length;
  const parts = Object.entries(SIGNATURE).map(([part, length]) => isWhole && padded(signed[part], length));
  if (parts.some((part) => !part)) refuse("its service_signature is not in its form");
  const [serviceKey, keySignature, signature] = parts;
  const origin = name.slice(0, name.lastIndexOf("/"));
  const statement = `audit-log-service-key v1\n${origin}\n${base64(serviceKey)}\n`;
  if (!(await crypto.subtle.verify("Ed25519", key, keySignature, utf8.encode(statement)))) {
    refuse("the log's key does not vouch for the key that signed it");
  }
  const { leaf } = await entryOf({ ...event, context });
  const text = `audit-log-service-record v1\n${name}\n${leaf}\n`;
  const verifier = await crypto.subtle.importKey("raw", serviceKey, { name: "Ed25519" }, false, ["verify"]);
  if (!(await crypto.subtle.verify("Ed25519", verifier, signature, utf8.encode(text)))) {
    refuse("its signature is not one of the service for this record");
  }
}

/** The root that a leaf and its proof lead to (RFC 9162 §2.1.3.2); undefined for a proof of another length. */
async function rootFrom(leaf, sequence, size, path) {
  let [node, last, hash] = [sequence, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      hash = await sha256(Uint8Array.of(1), sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = await sha256(Uint8Array.of(1), hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : undefined;
}

/** A proof of an entry (C2SP tlog-proof). */
function readProof(proof) {
  const wrong = new Unchecked("The proof is not in its form.");
  if (!proof.startsWith(PROOF_HEADING)) throw wrong;
  const rest = proof.slice(PROOF_HEADING.length);
  const end = rest.indexOf("\n\n");
  if (end < 0) throw wrong;
  const lines = rest.slice(0, end).split("\n");
  if (lines[0].startsWith("extra ") && !padded(lines.shift().slice(6))) throw wrong;
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || !isPlace(Number(index))) throw wrong;
  return { sequence: Number(index), hashes: lines, note: rest.slice(end + 2) };
}

/** Of the keys that are named, the one of the workspace's log. */
async function chooseKey(lines, workspace, trustedKey) {
  const told = lines.split("\n").map((line) => line.trim()).filter(Boolean);
  const trusted = trustedKey.trim();
  if (trusted && !told.includes(trusted)) throw new Refuted("The server signs with another key than the one that you trust.");
  const keys = told.filter((line) => KEY.test(line));
  if (keys.length === 0) throw new Unchecked("The key of the log is not in its form.");
  const chosen = trusted || keys.find((line) => line.split("+")[0].endsWith(`/${workspace}`));
  if (!chosen) throw new Refuted(`The key is not that of the log of ${workspace}.`);
  return readKey(chosen, workspace);
}

/** A verifier key (C2SP signed-note): `<name>+<id>+<base64 of 1 and an Ed25519 key>`. */
async function readKey(text, workspace) {
  const match = KEY.exec(text);
  const bytes = match && padded(match[3], 33);
  if (!bytes || bytes[0] !== 1) throw new Unchecked("The key of the log is not in its form.");
  const [, name, id] = match;
  const hash = await sha256(utf8.encode(`${name}\n`), bytes);
  if (hex(hash.slice(0, 4)) !== id) throw new Unchecked("The key of the log does not have the id that it claims.");
  if (!name.endsWith(`/${workspace}`)) throw new Refuted(`The key is not that of the log of ${workspace}.`);
  try {
    const key = await crypto.subtle.importKey("raw", bytes.slice(1), { name: "Ed25519" }, false, ["verify"]);
    return { text, name, id: hash.slice(0, 4), key };
  } catch {
    throw new Unchecked("This browser does not know Ed25519. Use a newer one, or `auditlog verify event`.");
  }
}

/** A checkpoint (C2SP tlog-checkpoint) that the key has signed. */
async function openCheckpoint(note, { name, id, key }) {
  const wrong = new Unchecked("The checkpoint is not in its form.");
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n") || /[\x00-\x09\x0b-\x1f]/.test(note)) throw wrong;
  const body = note.slice(0, end + 1);
  const [origin, size, rootText, ...rest] = body.split("\n");
  const root = padded(rootText ?? "", 32);
  if (!origin || rest.length !== 1 || rest[0] !== "" || !/^(0|[1-9]\d{0,14})$/.test(size) || !root) throw wrong;
  const signatures = note.slice(end + 2, -1).split("\n").map((line) => {
    const [, signer, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
    const bytes = encoded && padded(encoded);
    if (!bytes || bytes.length < 5) throw wrong;
    return { signer, bytes };
  });
  if (origin !== name) throw new Refuted(`The checkpoint is of the log ${origin}, not of ${name}.`);
  const own = signatures.find(({ signer, bytes }) => signer === name && equal(bytes.slice(0, 4), id));
  if (!own) throw new Refuted("The checkpoint is not signed by the log's key.");
  if (!(await crypto.subtle.verify("Ed25519", key, own.bytes.slice(4), utf8.encode(body)))) {
    throw new Refuted("The signature of the checkpoint is not one of the log's key.");
  }
  return { note, origin, size: Number(size), root, rootText };
}

function text(api, path) {
  return asked(async () => (await api.text(path)).text);
}

/** What the API answers. A question that gets no answer refutes nothing. */
async function asked(question) {
  try {
    return await question();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unchecked(error.message);
  }
}

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const isPlace = (number) => Number.isSafeInteger(number) && number >= 0;
const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const equal = (one, other) => one.length === other.length && one.every((byte, index) => byte === other[index]);

function base64url(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes that a text is in base64 with its padding, written in the one way they can be; undefined for another text,
 * or another number of bytes than `length`. */
function padded(text, length) {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return base64(bytes) === text && (length === undefined || bytes.length === length) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** The same of base64url without padding. */
function strict(text, length) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return padded(plain + "=".repeat((4 - (plain.length % 4)) % 4), length);
}
