// Checks that an event is in the log of its workspace and was not changed: from the event as it is shown to the
// signature of the log. Written from docs/ledger.md and the standards it names, and shares nothing with the server
// nor with the command line. SHA-256 and Ed25519 are the browser's own (WebCrypto).

const PARTS = ["actor", "changes", "context", "description", "entity"];
const ERASED = { actor: null, changes: [], context: {}, description: null, entity: null };
const utf8 = new TextEncoder();

/** Why an event is not proved. */
export class NotProved extends Error {}

/** The way from an event to the signed root, step by step. `trustedKey` is the log's key from another source; without
 * it the server's word for it is taken, and the result says so. Throws `NotProved` at the step that fails. */
export async function verify(api, event, trustedKey = "") {
  if (!globalThis.crypto?.subtle) {
    throw new NotProved("This browser checks nothing on a page without HTTPS. Use `auditlog verify event`.");
  }
  const told = (await api.text("ledger/key")).text.trim();
  if (trustedKey && told !== trustedKey.trim()) {
    throw new NotProved("The server signs with another key than the one that you trust.");
  }
  const key = await readKey(told, event.workspace_username);
  const checkpoint = await openCheckpoint((await api.text("ledger/checkpoint")).text, key);
  if (!Number.isSafeInteger(event.sequence) || event.sequence >= checkpoint.size) {
    throw new NotProved(`Sequence ${event.sequence} is not in a log of ${checkpoint.size} entries.`);
  }
  const query = new URLSearchParams({ sequence: event.sequence, size: checkpoint.size });
  const proof = await api.json("ledger/proof/inclusion", query);
  const { hash, withheld } = await leafOf(event);
  const path = proof.hashes.map((text) => fixed(text, 32, "A hash of the proof"));
  const root = await rootFrom(hash, event.sequence, checkpoint.size, path);
  if (!equal(root, checkpoint.root)) {
    throw new NotProved("The event is not what was logged: its hash does not lead to the signed root.");
  }
  return { key: told, isTrusted: Boolean(trustedKey), checkpoint, leaf: base64(hash), withheld, steps: path.length };
}

/** The hash by which the log knows an event, and which parts of it were erased. */
export async function leafOf(event) {
  const members = {
    version: 1, workspace: event.workspace_username, id: event.id, action: event.action, timestamp: event.timestamp,
    received_at: event.received_at, outcome: event.outcome,
  };
  for (const [name, value] of Object.entries(members)) {
    if (name !== "version" && typeof value !== "string") throw new NotProved(`The event has no ${name}.`);
  }
  const withheld = [];
  for (const part of PARTS) {
    const { salt, digest } = await disclosed(event, part);
    if (digest !== undefined) {
      if (canonical(event[part]) !== canonical(ERASED[part])) {
        throw new NotProved(`The event shows its ${part}, which it says was erased.`);
      }
      withheld.push(part);
    }
    members[part] = digest ?? base64url(await sha256(utf8.encode(base64url(utf8.encode(canonical([salt, part, event[part]]))))));
  }
  return { hash: await sha256(Uint8Array.of(0), utf8.encode(canonical(members))), withheld };
}

/** The salt of a part, or once it was erased, its digest. */
async function disclosed(event, part) {
  const { salt, redacted } = event;
  if (typeof salt === "string" && redacted === null) {
    const seed = fixed(salt, 16, "The salt of the event");
    return { salt: base64url((await sha256(seed, utf8.encode(part))).slice(0, 16)) };
  }
  const has = (list) => Object.hasOwn(redacted?.[list] ?? {}, part);
  if (salt === null && has("digests") !== has("salts")) {
    const kept = redacted[has("digests") ? "digests" : "salts"][part];
    fixed(kept, has("digests") ? 32 : 16, `What is kept of the ${part}`);
    return has("digests") ? { digest: kept } : { salt: kept };
  }
  throw new NotProved(`The event has neither a salt nor a digest of its ${part}.`);
}

/** RFC 8785. Its numbers are those of JavaScript, and its order is that of UTF-16. */
export function canonical(value) {
  if (value === undefined) throw new NotProved("A part of the event is missing.");
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** The root that a leaf and its proof lead to (RFC 9162 §2.1.3.2). */
async function rootFrom(leaf, sequence, size, path) {
  let [node, last, hash] = [sequence, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw new NotProved("The proof is too long for the log.");
    if (node % 2 === 1 || node === last) {
      hash = await sha256(Uint8Array.of(1), sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = await sha256(Uint8Array.of(1), hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new NotProved("The proof is too short for the log.");
  return hash;
}

/** A verifier key (C2SP signed-note): `<name>+<id>+<base64 of 1 and an Ed25519 key>`. */
async function readKey(text, workspace) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  if (!match) throw new NotProved("The key of the log is not in its form.");
  const [, name, id, encoded] = match;
  const bytes = fixed(encoded, 33, "The key of the log");
  const hash = await sha256(utf8.encode(`${name}\n`), bytes);
  if (hex(hash.slice(0, 4)) !== id) throw new NotProved("The key of the log has not the id that it claims.");
  if (bytes[0] !== 1) throw new NotProved("The key of the log is not one of Ed25519.");
  if (!name.endsWith(`/${workspace}`)) throw new NotProved("The key is that of another workspace's log.");
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytes.slice(1), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new NotProved("This browser does not know Ed25519. Use a newer one, or `auditlog verify event`.");
  }
  return { name, id: hash.slice(0, 4), key };
}

/** A checkpoint (C2SP tlog-checkpoint) that the key has signed. */
async function openCheckpoint(note, { name, id, key }) {
  const end = note.lastIndexOf("\n\n");
  const body = note.slice(0, end + 1);
  const [origin, size, root, ...rest] = body.split("\n");
  if (end < 0 || rest.join("") !== "" || !/^(0|[1-9]\d{0,14})$/.test(size)) {
    throw new NotProved("The checkpoint is not in its form.");
  }
  if (origin !== name) throw new NotProved(`The checkpoint is of the log ${origin}, not of ${name}.`);
  for (const line of note.slice(end + 2).split("\n")) {
    const match = /^\u2014 (\S+) (\S+)$/u.exec(line);
    if (!match || match[1] !== name) continue;
    const bytes = fixed(match[2], 68, "The signature");
    if (!equal(bytes.slice(0, 4), id)) continue;
    if (await crypto.subtle.verify("Ed25519", key, bytes.slice(4), utf8.encode(body))) {
      return { note, origin, size: Number(size), root: fixed(root, 32, "The root"), rootText: root };
    }
    throw new NotProved("The signature of the checkpoint is not one of the log's key.");
  }
  throw new NotProved("The checkpoint is not signed by the log's key.");
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

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const equal = (one, other) => one.length === other.length && one.every((byte, index) => byte === other[index]);

function base64url(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes that a text is in base64 or base64url: so many, and written in the one way they can be. */
function fixed(text, length, what) {
  try {
    const plain = String(text).replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
    if (bytes.length === length && base64(bytes).replaceAll("=", "") === plain.replaceAll("=", "")) return bytes;
  } catch {
    // It is no base64 at all: told below.
  }
  throw new NotProved(`${what} is not ${length} bytes in base64.`);
}
