"""Puts audit events on the bus with boto3, and again what EventBridge did not take.

    pip install boto3
    AUDIT_BUS=audit-logs AWS_ENDPOINT_URL_EVENTS=http://127.0.0.1:9000 python put_events.py acme

Without AWS_ENDPOINT_URL_EVENTS it is AWS's own bus, with the credentials that boto3 finds.
"""

import datetime
import json
import os
import sys
import uuid

import boto3

MOST_ENTRIES = 10  # that a call of PutEvents takes


def audit_event(workspace, action, actor, **more):
    """An event with an id and a time of its own, so that it may be put twice and is recorded once."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "workspace_username": workspace,
        "id": str(uuid.uuid4()),
        "timestamp": now.isoformat(),
        "action": action,
        "actor": actor,
        **more,
    }


def put(events, bus, audit_events, tries=5):
    """Puts all events, or raises if some are not taken after so many tries."""
    entries = [
        {"EventBusName": bus, "Source": "my.product", "DetailType": "audit", "Detail": json.dumps(event)}
        for event in audit_events
    ]
    for _ in range(tries):
        failed = []
        for begin in range(0, len(entries), MOST_ENTRIES):
            batch = entries[begin : begin + MOST_ENTRIES]
            results = events.put_events(Entries=batch)["Entries"]
            failed += [entry for entry, result in zip(batch, results) if "ErrorCode" in result]
        if not failed:
            return
        entries = failed
    raise RuntimeError(f"{len(entries)} events were not taken")


def main():
    workspace = sys.argv[1]
    actor = {"user_id": "u1", "username": "peter_parker", "ip": "192.0.2.7"}
    group = {"entity_type": "group", "entity_id": "g1", "entity_name": "Spiders"}
    audit_events = [audit_event(workspace, "group_created", actor, entity=group)] + [
        audit_event(workspace, "group_member_added", actor, entity=group, context={"member_id": f"u{number}"})
        for number in range(2, 14)
    ]
    put(boto3.client("events"), os.environ.get("AUDIT_BUS", "audit-logs"), audit_events)
    for event in audit_events:
        print(event["id"])


main()
