"""The log of a workspace: sealed by the stream, signed by KMS, verified here with nothing but its formats.

RFC 6962 for the tree, C2SP for checkpoints and proofs; no code of ours helps.
"""

import base64
import hashlib
import json
import math

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from facts import holds, wait_for

ED25519 = b"\x01"


def sealed(stack, api, workspace, authorization, last_event):
    """What was recorded gets its sequence, and the log proves it."""
    base = f"/api/{workspace}"

    def all_sealed():
        rows = feed(api, base, authorization)
        return rows if any(row["id"] == last_event for row in rows) else None

    events = wait_for("the stream has the sealer seal what is recorded", all_sealed)
    holds(f"the stream has the sealer seal what is recorded, {len(events)} events so far", True)
    sequences = [row["sequence"] for row in events]
    holds("sealed events are numbered 0, 1, 2 and so on", sequences == list(range(len(events))), sequences)

    key = Key(text(api, f"{base}/ledger/key", authorization))
    of_kms = stack.session.client("kms").get_public_key(KeyId=stack.ids["LedgerKey"])["PublicKey"]
    origin = f"{stack.parameters['LedgerOrigin']}/{workspace}"
    holds(
        "the log's key is the one in KMS, under the name of the origin and the workspace",
        (key.name, key.public.public_bytes_raw()) == (origin, load_der_public_key(of_kms).public_bytes_raw()),
        key.name,
    )
    first = key.open(text(api, f"{base}/ledger/checkpoint", authorization))
    holds("KMS signed the checkpoint of all that is sealed", first["size"] >= len(events), first)

    wanted = next(row for row in events if row["id"] == last_event)
    verify_entry(api, base, authorization, key, wanted)

    # The reads above left records, which are in the stream as well.
    def grown():
        now = key.open(text(api, f"{base}/ledger/checkpoint", authorization))
        return now if now["size"] > first["size"] else None

    later = wait_for("the log grows by the records of reads", grown)
    status, proof = api.call(
        "GET", f"{base}/ledger/proof/consistency", authorization, **{"from": first["size"], "to": later["size"]}
    )
    continues = consistent(first, later, [base64.b64decode(each) for each in proof["hashes"]])
    holds("the later checkpoint continues the earlier one", status == 200 and continues, (first, later, proof))
    width = min(first["size"], 255)
    status, tile = api.fetch(f"{base}/ledger/tile/0/000.p/{width}", authorization)
    holds("a tile comes as bytes", (status, len(tile)) == (200, 32 * width), (status, len(tile)))
    return key, wanted


def redacted(api, workspace, admin, member, authorization, key, event):
    """What is erased is gone, and the log still proves the event."""
    path, base = f"/api/{workspace}/redactions", f"/api/{workspace}"
    wanted = {"sequences": [event["sequence"]], "parts": ["actor"], "reason": "rehearsal"}
    status, body = api.call("POST", path, member, wanted)
    holds("a member may not erase anything: 403", status == 403, (status, body))
    status, body = api.call("POST", path, admin, wanted)
    holds("an admin erases the actor of an event", (status, body["redacted"]) == (200, 1), (status, body))
    entry = verify_entry(api, base, authorization, key, event)
    holds("the actor is gone, and the proof still holds", entry["event"]["actor"] is None, entry)
    status, body = api.call("POST", path, admin, {"actor": "unknown"})
    holds("erasing by an actor asks the indexes", (status, body["redacted"]) == (200, 0), (status, body))


def vouched(stack):
    """The log's key signs the statement about the service key, without which no change of settings is recorded."""
    expression, payload = on_schedule(stack, "LedgerAliaslive", "service-key")
    holds("every minute the log's key vouches for the service key", expression == "rate(1 minute)", (expression, payload))


def on_schedule(stack, alias, work):
    """Invokes a function as its schedule for this work does. Returns how often the schedule does, and the answer."""
    events, function = stack.session.client("events"), stack.ids[alias]
    for rule in events.list_rule_names_by_target(TargetArn=function)["RuleNames"]:
        (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
        if work in target["Input"]:
            break
    expression = events.describe_rule(Name=rule)["ScheduleExpression"]
    answer = stack.session.client("lambda").invoke(FunctionName=function, Payload=target["Input"])
    return expression, json.loads(answer["Payload"].read())


def reconciled(stack):
    """The schedule's own event is what the sealer's search takes."""
    expression, payload = on_schedule(stack, "SealerAliaslive", "reconcile")
    holds("every hour the sealer is told to search", expression == "rate(1 hour)", expression)
    holds("and searches", payload == {"batchItemFailures": []}, payload)
    table = {"TableName": stack.ids["AuditLedger"]}
    search = {"workspace": {"S": "#"}, "part": {"S": "reconciled"}}
    found = stack.session.client("dynamodb").get_item(**table, Key=search)
    holds("and notes how far it came", "Item" in found, found)


def alarmed(stack, api, workspace, authorization, event):
    """Who writes past the functions is not believed, and an alarm says so."""
    dynamodb, table = stack.session.client("dynamodb"), {"TableName": stack.ids["AuditEvents"]}
    key = {"workspace": {"S": workspace}, "timestamp": {"S": f"{event['timestamp']}#{event['id']}"}}
    change = {"UpdateExpression": "SET #outcome = :other", "ExpressionAttributeNames": {"#outcome": "outcome"}}
    dynamodb.update_item(**table, Key=key, **change, ExpressionAttributeValues={":other": {"S": "failure"}})
    path = f"/api/{workspace}/ledger/entries/{event['sequence']}"
    status, body = api.call("GET", path, authorization)
    told = (status, body["id"])
    holds("a changed event is not shown", told == (500, "inconsistent_log"), body)
    lines = stack.counted("ledger")
    holds("the ledger's log line is the one that its alarm counts", len(lines) == 1, lines)
    dynamodb.update_item(
        **table,
        Key=key,
        UpdateExpression="REMOVE #outcome",
        ExpressionAttributeNames=change["ExpressionAttributeNames"],
    )
    status, body = api.call("GET", path, authorization)
    holds("put right again, it is", status == 200, body)

    key["timestamp"] = {"S": f"{event['timestamp']}#of-no-writer"}
    dynamodb.put_item(**table, Item=key)
    lines = wait_for("what cannot be sealed is set aside", lambda: stack.counted("sealer"))
    holds("what cannot be sealed is set aside, which its alarm counts", len(lines) == 1, lines)
    dynamodb.delete_item(**table, Key=key)


def feed(api, base, authorization):
    """The whole feed."""
    rows, after = [], -1
    while True:
        status, page = api.call("GET", f"{base}/audit_logs/feed", authorization, after=after, limit=20)
        if status != 200:
            holds("the token reads the feed", False, (status, page))
        rows, after = rows + page["audit_logs"], page["next_after"]
        if not page["has_more"]:
            return rows


def text(api, path, authorization):
    status, body = api.fetch(path, authorization)
    if status != 200:
        holds(f"GET {path} answers", False, (status, body))
    return body.decode()


def verify_entry(api, base, authorization, key, event):
    """The entry of an event: its leaf is of this event, and in the log that the key signed."""
    status, entry = api.call("GET", f"{base}/ledger/entries/{event['sequence']}", authorization)
    if status != 200:
        holds("the entry of an event is answered", False, (status, entry))
    head, note = entry["proof"].split("\n\n", 1)
    version, index, *hashes = head.split("\n")
    checkpoint = key.open(note)
    leaf = hashlib.sha256(b"\0" + entry["leaf"].encode()).digest()
    hashes = [base64.b64decode(each) for each in hashes]
    root = climb(leaf, event["sequence"], checkpoint["size"], hashes)
    named = json.loads(entry["leaf"])
    is_of_it = all(named[name] == event[name] for name in ("id", "action", "timestamp", "received_at", "outcome"))
    holds(
        "its leaf is of this event, and its proof leads to what KMS signed",
        (version, index) == ("c2sp.org/tlog-proof@v1", f"index {event['sequence']}")
        and root == checkpoint["root"]
        and is_of_it,
        entry,
    )
    return entry


class Key:
    """A key as C2SP signed-note writes it, which opens the notes that it signed."""

    def __init__(self, vkey):
        self.name, self.id, encoded = vkey.strip().split("+", 2)
        kind, public = base64.b64decode(encoded)[:1], base64.b64decode(encoded)[1:]
        expected = hashlib.sha256(f"{self.name}\n".encode() + kind + public).hexdigest()[:8]
        holds("the log's key is Ed25519, and its id is its own", (kind, self.id) == (ED25519, expected), vkey)
        self.public = Ed25519PublicKey.from_public_bytes(public)

    def open(self, note):
        """The checkpoint in a signed note; ends the run if it is not signed."""
        body, signature = note.rsplit("\n\n", 1)
        dash, name, signature = signature.strip().split(" ")
        signature = base64.b64decode(signature)
        # Raises an error if it is not the signature of this text.
        self.public.verify(signature[4:], (body + "\n").encode())
        origin, size, root = body.split("\n")
        signed = (dash, name, signature[:4].hex(), origin) == ("—", self.name, self.id, self.name)
        if not signed:
            holds("a checkpoint is signed by the log's key", False, note)
        return {"size": int(size), "root": base64.b64decode(root)}


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def climb(leaf, sequence, size, hashes):
    """The root that a proof of inclusion leads to (RFC 9162 §2.1.3.2)."""
    fn, sn, root = sequence, size - 1, leaf
    for each in hashes:
        if sn == 0:
            return None
        if fn % 2 == 1 or fn == sn:
            root = node(each, root)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node(root, each)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


def consistent(first, later, hashes):
    """Whether a proof of consistency leads from one checkpoint to the other (RFC 9162 §2.1.4.2)."""
    if math.log2(first["size"]).is_integer():
        hashes = [first["root"], *hashes]
    fn, sn = first["size"] - 1, later["size"] - 1
    while fn % 2 == 1:
        fn, sn = fn >> 1, sn >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            before, after = node(each, before), node(each, after)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            after = node(after, each)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (before, after) == (first["root"], later["root"])
