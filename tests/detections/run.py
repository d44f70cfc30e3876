"""Records attacks and harmless events, and runs the rules of docs/detections/ over the log in OCSF."""

import argparse
import json
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

RULES = Path(__file__).parent.parent.parent / "docs/detections"
BUS = "audit-logs"
PATIENCE = 120


class System:
    def __init__(self, credentials):
        self.credentials = credentials
        self.path = f"{credentials['endpoint']}/api/{credentials['workspace']}"
        self.put = []

    def call(self, method, path, body=None, admin=False):
        token = self.credentials["admin_jwt" if admin else "bearer"]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.path + path, data, {"authorization": f"Bearer {token}", "content-type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")

    def record(self, action, minute, actor, **members):
        """Records an event, by the bus, on which the product may also report its own tokens and reads."""
        detail = {
            "id": f"e-{len(self.put)}",
            "action": action,
            "timestamp": f"2026-11-02T{9 + minute // 60:02}:{minute % 60:02}:00Z",
            "workspace_username": self.credentials["workspace"],
            "actor": actor,
        } | members
        entry = {"Source": "my.product", "DetailType": action, "Detail": json.dumps(detail), "EventBusName": BUS}
        headers = {"x-amz-target": "AWSEvents.PutEvents", "content-type": "application/x-amz-json-1.1"}
        data = json.dumps({"Entries": [entry]}).encode()
        request = urllib.request.Request(self.credentials["endpoint"] + "/", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["FailedEntryCount"] == 0
        self.put.append(detail["id"])
        return detail["id"]

    def ocsf(self):
        """All events in OCSF, once those of the bus have been recorded."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.call("GET", "/audit_logs?format=ocsf&limit=1000").splitlines()
            events = [json.loads(line) for line in lines]
            if set(self.put) <= {event["metadata"]["uid"] for event in events}:
                return events
            assert time.monotonic() < deadline, "the events of the bus were not recorded"
            time.sleep(0.2)


def person(name, ip="192.0.2.7"):
    return {"user_id": name, "ip": ip}


def token(name, ip):
    return {"user_id": name, "type": "workspace_token", "ip": ip}


def entity(kind, name):
    return {"entity_type": kind, "entity_id": name}


def record(system):
    """The attacks: the key of each is the file of the rule, its value what the rule must find."""
    expected = {}

    # 12 exports in half an hour; nine in an hour, twelve in a day, and twelve failed ones are harmless.
    for number in range(12):
        report = entity("report", f"r{number}")
        system.record("export_data_report_exported_csv", number * 2, person("mallory"), entity=report)
        system.record("export_data_report_exported_pdf", number * 40, person("slow"), entity=report)
        system.record("export_data_sql_exported", number, person("denied"), entity=report, outcome="failure")
        system.record("report_activity_report_edited", number, person("editor"), entity=report)
    for number in range(9):
        system.record("export_data_sql_exported", number, person("analyst"), context={"query_id": f"q{number}"})
    expected["bulk_export"] = {"mallory"}

    def role(old, new):
        return [{"path": "/role", "old": old, "new": new}]

    user, admin = entity("user", "u9"), person("boss")
    expected["role_raised_to_admin"] = {
        system.record("org_user_role_changed", 1, admin, entity=user, changes=role("member", "admin")),
        system.record("org_user_role_changed", 2, admin, entity=entity("role", "Owner"), context={"user_id": "u9"}),
        system.record("org_user_invited", 3, admin, context={"email": "eve@example.com", "role": "workspace_admin"}),
    }
    system.record("org_user_role_changed", 4, admin, entity=user, changes=role("admin", "member"))
    system.record("org_user_role_changed", 5, admin, entity=user, changes=role("admin", "owner"))
    system.record("org_user_role_changed", 6, admin, entity=user, changes=role("viewer", "editor"))
    system.record("org_user_role_changed", 7, admin, entity=user, changes=role("member", "admin"), outcome="failure")
    system.record("collection_member_removed", 8, admin, entity=user, context={"role": "admin"})
    system.record("group_created", 9, admin, entity=entity("group", "admins"))

    for name in ("stolen", "honest", "old"):
        system.record("api_token_workspace_created", 1, admin, entity=entity("workspace_token", name))
    system.record("audit_log_accessed", 5, token("stolen", "203.0.113.66:4711"))
    system.record("audit_log_accessed", 5, token("honest", "192.0.2.7:4711"))
    system.record("audit_log_accessed", 6, token("honest", "192.0.2.7"))
    system.record("audit_log_accessed", 6, token("unknown", "203.0.113.66"))
    system.record("audit_log_accessed", 6, token("roaming", "192.0.2.7"))
    system.record("audit_log_accessed", 8, token("roaming", "203.0.113.66"))
    system.record("audit_log_accessed", 7, person("old", "203.0.113.66"))
    expected["new_token_from_new_address"] = {"stolen"}

    webhook = {"type": "webhook", "url": "http://127.0.0.1:9/nowhere"}
    made = [stream_made(system, name, webhook) for name in ("SIEM", "Spare")]
    system.call("POST", f"/streams/{made[1]}/pause", {}, admin=True)
    system.call("DELETE", f"/streams/{made[0]}", admin=True)
    system.record("collection_deleted", 10, admin, entity=entity("collection", "c1"))
    expected["log_stream_deleted"] = {made[0]}

    # A change takes effect after two minutes, and only then may the next one follow: so there is one of each.
    system.call("PATCH", "/settings", {"retention_days": 3600, "confirm": True}, admin=True)
    system.call("PATCH", "/settings", {"legal_hold": {"reason": "case 7"}}, admin=True)
    expected["retention_shortened"] = {"3600"}
    return expected


def stream_made(system, name, destination):
    made = json.loads(system.call("POST", "/streams", {"name": name, "destination": destination}, admin=True))
    return made["stream"]


def flat(value, prefix=""):
    """A value as the columns that a SIEM makes of it: nested names with dots, lists as text."""
    if isinstance(value, dict) and prefix != "unmapped.":
        return {key: text for name, inner in value.items() for key, text in flat(inner, f"{prefix}{name}.").items()}
    return {prefix[:-1]: json.dumps(value) if isinstance(value, (dict, list)) else value}


def table(events):
    rows = [flat(event) for event in events]
    columns = sorted({name for row in rows for name in row})
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    quoted = ", ".join(f'"{name}" COLLATE NOCASE' for name in columns)
    database.execute(f"CREATE TABLE logs ({quoted})")
    marks = ", ".join("?" for _ in columns)
    database.executemany(f"INSERT INTO logs VALUES ({marks})", [[row.get(name) for name in columns] for row in rows])
    return database


def found(rule, row):
    """What a match of a rule names."""
    row = dict(row)
    if "group_keys" in row:
        groups = json.loads(row["group_keys"])
        return groups.get("actor.user.uid") or groups["token"]
    if rule == "log_stream_deleted":
        return row["entity.uid"]
    if rule == "retention_shortened":
        changes = json.loads(row["unmapped"])["changes"]
        return next(str(change["new"]) for change in changes if change["path"] == "/retention_days")
    return row["metadata.uid"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--credentials", required=True)
    asked = parser.parse_args()
    system = System(json.loads(Path(asked.credentials).read_text()))
    demo = {event["metadata"]["uid"] for event in system.ocsf()}
    expected = record(system)
    events = [event for event in system.ocsf() if event["metadata"]["uid"] not in demo]
    database = table(events)
    rules = sorted(path.stem for path in RULES.glob("*.yml"))
    assert rules == sorted(expected), rules
    wrong = False
    for rule in rules:
        backend = sqliteBackend(timestamp_field="time", timestamp_format="unix_ms", collate_nocase=True)
        queries = backend.convert(SigmaCollection.from_yaml((RULES / f"{rule}.yml").read_text()))
        # The last query is that of the rule itself; the ones before are the rules that it correlates.
        matches = {found(rule, row) for row in database.execute(queries[-1])}
        is_right = matches == expected[rule]
        wrong |= not is_right
        print(f"{rule}: {len(matches)} of {len(events)} events or groups{'' if is_right else f', WRONG: {matches}, not {expected[rule]}'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
