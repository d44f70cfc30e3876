"""Deploys template.yaml onto MiniStack and runs the main job through it; deploy.sh starts this and says why.

Each step is a function, in the order of the story.
"""

import argparse
import base64
import json
import pathlib
import signal
import sys
import time

from emulator import OWNER, IdentityProvider, session, start_ministack, stop
from facts import held, holds, wait_for
from ledger import alarmed, reconciled, redacted, sealed, vouched
from roles import least_privilege, permitted
from stack import Api, Stack, deploy, wire

WORKSPACE = "acme"
LOGS = f"/api/{WORKSPACE}/audit_logs"
TOKENS = f"/api/{WORKSPACE}/tokens"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--stage", type=pathlib.Path, required=True, help="directory with template.yaml and the zips"
    )
    parser.add_argument("--sam", type=pathlib.Path, required=True, help="the sam command")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))

    provider = IdentityProvider(arguments.stage)
    ministack, port, endpoint = start_ministack(arguments.stage, provider.certificate)
    try:
        deploy(arguments.sam.absolute(), arguments.stage, endpoint, provider.issuer)
        stack = Stack(session(endpoint, OWNER["AWS_ACCESS_KEY_ID"], OWNER["AWS_SECRET_ACCESS_KEY"]))
        wire(stack)
        api = Api(stack.ids["Api"], port)
        actions = open_routes(api)
        admin, token = create_token(api, provider)
        refuse_strangers(api, admin, token)
        through_the_bus(stack, product_of(stack, endpoint), api, token, actions)
        set_aside(stack)
        over_https(api, token)
        prove(stack, api, provider, admin, token)
        nothing_left(stack)
        least_privilege(stack, endpoint)
        revoke(api, admin, token)
        told_of_tokens(stack)
    finally:
        stop(ministack)
    print(f"\nall {len(held)} facts held")


def open_routes(api):
    status, body = api.call("GET", "/api/health")
    holds("GET /api/health answers anyone", status == 200, body)
    status, body = api.call("GET", "/api/actions")
    counts = (len(body["actions"]), len(body["categories"]))
    holds("GET /api/actions lists 50 actions in 9 categories", status == 200 and counts == (50, 9), counts)
    status, _ = api.call("GET", "/api/schema")
    holds("GET /api/schema answers anyone", status == 200, status)
    return body["actions"]


def create_token(api, provider):
    wanted = {"name": "rehearsal", "scopes": ["audit_log:read", "audit_log:write"]}
    admin = bearer(provider.jwt(workspace=WORKSPACE, role="admin"))
    refusals = {
        "without a JWT": (None, 401),
        "with a JWT for another audience": (
            bearer(provider.jwt(workspace=WORKSPACE, role="admin", aud="x")),
            401,
        ),
        "with an expired JWT": (bearer(provider.jwt(workspace=WORKSPACE, role="admin", exp=1)), 401),
        "with a member's JWT": (bearer(provider.jwt(workspace=WORKSPACE, role="member")), 403),
        "with another workspace's admin JWT": (bearer(provider.jwt(workspace="other", role="admin")), 404),
    }
    for whose, (authorization, refusal) in refusals.items():
        status, body = api.call("POST", TOKENS, authorization, wanted)
        holds(f"a token {whose}: {refusal}", status == refusal, (status, body))
    status, token = api.call("POST", TOKENS, admin, wanted)
    holds("an admin's JWT generates a workspace token", status == 201, (status, token))
    status, listed = api.call("GET", TOKENS, admin)
    holds(
        "the admin sees it in the list",
        [each["token"] for each in listed["tokens"]] == [token["token"]],
        listed,
    )
    return admin, token


def refuse_strangers(api, admin, token):
    wrong = token["bearer"][:-1] + ("0" if token["bearer"][-1] != "0" else "1")
    refusals = {
        "without a header": (LOGS, None, 401),
        "with a bad checksum": (LOGS, bearer(wrong), 403),
        "with an admin's JWT": (LOGS, admin, 403),
        "of another workspace": ("/api/other/audit_logs", bearer(token["bearer"]), 404),
    }
    for which, (path, authorization, refusal) in refusals.items():
        status, body = api.call("GET", path, authorization)
        holds(f"reading {which}: {refusal}", status == refusal, (status, body))


def product_of(stack, endpoint):
    """The product: a user with the right to put events on the bus only."""
    iam = stack.session.client("iam")
    iam.create_user(UserName="product")
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": stack.outputs["BusArn"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="product", PolicyName="put-events", PolicyDocument=policy)
    key = iam.create_access_key(UserName="product")["AccessKey"]
    product = session(endpoint, key["AccessKeyId"], key["SecretAccessKey"])
    reads = permitted(product.client("dynamodb"), "Scan", {"TableName": stack.outputs["EventsTable"]})
    holds("IAM is enforced: a user with the right to put events may not read the table", not reads)
    return product


def through_the_bus(stack, product, api, token, actions):
    actions = [row["action"] for row in actions if row["recorded_by"] == "client"]
    details = [
        {
            "id": f"rehearsal-{index}",
            "timestamp": f"2025-03-03T09:21:09.{index:06}Z",
            "workspace_username": WORKSPACE,
            "action": action,
            "description": f"number {index}",
            "actor": {
                "user_id": "af03c0246b82",
                "username": "peter_parker",
                "ip": "203.0.113.42",
                "type": "user",
            },
            "entity": {"entity_type": "rehearsed", "entity_id": str(index), "entity_name": "Ünïcode ☂"},
            "context": {"index": index, "none": None},
            "changes": [{"path": "/role", "old": None, "new": "view"}],
        }
        for index, action in enumerate(actions)
    ]
    bus = {"EventBusName": stack.outputs["BusName"], "Source": "com.example.bi", "DetailType": "audit"}
    # The first message twice, and one that cannot be parsed.
    sent = [*details, details[0], {"workspace_username": WORKSPACE}]
    entries = [bus | {"Detail": json.dumps(detail)} for detail in sent]
    events = product.client("events")
    answers = [events.put_events(Entries=entries[start : start + 10]) for start in range(0, len(entries), 10)]
    failed = sum(answer["FailedEntryCount"] for answer in answers)
    holds(f"the product puts {len(entries)} events on the bus", failed == 0, answers)

    window = {
        "start_timestamp": "2025-03-03T00:00:00Z",
        "end_timestamp": "2025-03-04T00:00:00Z",
        "order": "asc",
    }
    authorization = bearer(token["bearer"])

    def read_all():
        rows, cursor = [], {}
        while True:
            status, page = api.call("GET", LOGS, authorization, **window, limit=20, **cursor)
            if status != 200:
                sys.exit(f"\nDOES NOT HOLD: the token reads\nseen: {status} {page}")
            rows += page["audit_logs"]
            if not page["has_more"]:
                return rows
            cursor = {"cursor": page["next_cursor"]}

    rows = wait_for("all events are read back", lambda: len(rows := read_all()) >= len(details) and rows)
    as_sent = [{name: row[name] for name in details[0]} for row in rows]
    holds(
        f"the token reads all {len(actions)} actions back, page by page, each once and as sent",
        as_sent == details,
        rows,
    )

    # A disclosed page is recorded before it is answered: at least one record for each read so far.
    status, page = api.call("GET", LOGS, authorization, action="audit_log_accessed", limit=1000)
    before = api.reads - 1
    holds(f"each of the {before} reads before left its record", len(page["audit_logs"]) == before, page)


def set_aside(stack):
    items = wait_for(
        "what cannot be understood is in quarantine",
        lambda: stack.session.client("dynamodb").scan(TableName=stack.outputs["QuarantineTable"])["Items"],
    )
    reasons = [item["reason"]["S"] for item in items]
    holds(
        "what cannot be understood is in quarantine, with its reason", reasons == ["invalid_event"], reasons
    )
    found = stack.counted("ingest-bus")
    holds("its log line is the one that the alarm's metric filter counts", len(found) == 1, found)


def nothing_left(stack):
    queues = ("BusQueue", "BusQueueDeadLetters", "BusRuleDeadLetters", "SealerGaveUp")
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = stack.session.client("sqs")

    def empty():
        left = [
            sqs.get_queue_attributes(QueueUrl=stack.ids[name], AttributeNames=counts)["Attributes"]
            for name in queues
        ]
        return all(value == "0" for attributes in left for value in attributes.values())

    wait_for("the queue is empty, and so is each that takes what failed", empty)
    holds("the queue is empty, and so is each that takes what failed", True)


def over_https(api, token):
    event = {
        "id": "over-https",
        "timestamp": "2025-03-05T09:21:09.481000Z",
        "action": "group_created",
        "actor": {"user_id": "af03c0246b82"},
    }
    authorization = bearer(token["bearer"])
    for what, wanted, sent in [
        ("an event over HTTPS: 201", 201, event),
        ("the same again: 200", 200, event),
        ("another one under its key: 409", 409, event | {"action": "group_deleted"}),
        ("one that breaks a rule: 422", 422, event | {"action": "no_such_action"}),
    ]:
        status, body = api.call("POST", LOGS, authorization, sent)
        holds(what, status == wanted, (status, body))
    status, page = api.call(
        "GET", LOGS, authorization, start_timestamp="2025-03-05T00:00:00Z", action="group_created"
    )
    found = [row["id"] for row in page["audit_logs"]]
    holds("the first one stands, once", found == ["over-https"], page)


def prove(stack, api, provider, admin, token):
    member = bearer(provider.jwt(workspace=WORKSPACE, role="member"))
    reader = bearer(token["bearer"])
    key, event = sealed(stack, api, WORKSPACE, reader, "over-https")
    vouched(stack)
    redacted(api, WORKSPACE, admin, member, reader, key, event)
    alarmed(stack, api, WORKSPACE, reader, event)
    reconciled(stack)


def revoke(api, admin, token):
    status, body = api.call("DELETE", f"{TOKENS}/{token['token']}", admin)
    holds("the admin revokes the token", status == 204, (status, body))
    status, _ = api.call("GET", LOGS, basic(token["token"], token["secret"]))
    holds(
        "revoked, it is refused at once where no answer of the authorizer was kept: 403",
        status == 403,
        status,
    )
    began = time.monotonic()
    wait_for(
        "revoked, it is refused within 60 s everywhere",
        lambda: api.call("GET", LOGS, bearer(token["bearer"]))[0] == 403,
        seconds=62,
    )
    holds(f"and within 60 s everywhere (after {time.monotonic() - began:.0f} s)", True)


def told_of_tokens(stack):
    """Both records of the token, read from the table, because no valid token is left."""
    items = stack.session.client("dynamodb").scan(TableName=stack.outputs["EventsTable"])["Items"]
    actions = [item["action"]["S"] for item in items]
    counts = [actions.count(f"api_token_workspace_{what}") for what in ("created", "revoked")]
    holds("the token's creation and revocation are in the audit log, once each", counts == [1, 1], counts)


def bearer(token):
    return f"Bearer {token}"


def basic(token, secret):
    return "Basic " + base64.b64encode(f"{token}:{secret}".encode()).decode()


main()
