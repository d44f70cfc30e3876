"""Streams of a running system to receivers that check what they get."""

import argparse
import json
import time
import urllib.request

from receivers import Collector, Intake, WebhookReceiver, require

EACH_REQUEST = 250
PATIENCE = 120


class Api:
    def __init__(self, credentials):
        self.credentials = credentials

    def call(self, method, path, body=None, bearer=None):
        url = f"{self.credentials['endpoint']}/api/{self.credentials['workspace']}{path}"
        headers = {"authorization": f"Bearer {bearer or self.credentials['admin_jwt']}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def create(self, name, destination, **more):
        return self.call("POST", "/streams", {"name": name, "destination": destination, "from": 0} | more)

    def feed(self):
        """The whole log, as the API answers it."""
        events, after = [], -1
        while True:
            page = self.call("GET", f"/audit_logs/feed?after={after}&limit=1000", bearer=self.credentials["bearer"])
            events += page["audit_logs"]
            after = page["next_after"]
            if not page["has_more"]:
                return events

    def status(self, stream):
        return self.call("GET", f"/streams/{stream}")["status"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--credentials", required=True)
    asked = parser.parse_args()
    with open(asked.credentials) as file:
        api = Api(json.load(file))
    began = time.monotonic()

    webhook, collector, intake = WebhookReceiver(), Collector(), Intake()
    set_up = api.create("webhook", {"type": "webhook", "url": f"{webhook.url}/hook?of=acme"})
    webhook.secret = set_up["secret"]
    splunk = {"type": "splunk", "url": collector.url, "index": "security", "sourcetype": "mode:audit"}
    datadog = {"type": "datadog", "site": intake.url, "service": "mode", "tags": ["env:test"]}
    streams = {
        set_up["stream"]: webhook,
        api.create("splunk", splunk, secret=collector.token)["stream"]: collector,
        api.create("datadog", datadog, secret=intake.key)["stream"]: intake,
    }
    for stream in streams:
        shown = json.dumps(api.call("GET", f"/streams/{stream}"))
        require(not any(secret in shown for secret in (webhook.secret, collector.token, intake.key)), "a secret is shown")
    webhook.failures, collector.failures, intake.failures = [503], [500], [429]

    record(api, asked.events)
    print(f"{asked.events} events recorded in {time.monotonic() - began:.0f} s", flush=True)
    whole(api, streams, began)
    print(f"tampered requests refused: {webhook.refuses_what_was_tampered_with()}", flush=True)

    # After the rotation, each request is signed with both secrets for a day.
    secret = api.call("PATCH", f"/streams/{set_up['stream']}", {"rotate_secret": True})["secret"]
    webhook.previous, webhook.secret = webhook.secret, secret
    require(webhook.secret != webhook.previous, "the secret is the same")
    api.call("POST", f"/streams/{set_up['stream']}/test")
    wait("the test", lambda: api.status(set_up["stream"])["last_test"])
    require(api.status(set_up["stream"])["last_test"]["problem"] is None, "the test failed")
    require(len(webhook.tests) == 1, "the test was not received")
    whole(api, streams, began)
    require(webhook.previously_signed > 0, "nothing was signed with both secrets")

    # After the stream is set back, it sends the same events again under the same ids; requests in progress
    # arrive first.
    before, back = len(webhook.events), asked.events // 2
    api.call("POST", f"/streams/{set_up['stream']}/replay", {"from": back})

    def since():
        return [event["sequence"] for event in webhook.events[before:]]

    wait("the replay", lambda: back in since())
    # From here on sequences may repeat; each repeated event must be unchanged.
    seen = {event["sequence"]: event for event in webhook.events[:before]}
    wait("the end of the replay", lambda: api.status(set_up["stream"])["lag"] == 0)
    again = webhook.events[before + since().index(back) :]
    require([event["sequence"] for event in again] == sorted(event["sequence"] for event in again), "out of order")
    require(all(seen.get(event["sequence"], event) == event for event in again), "a replay brings other events")
    print(f"replayed: {len(again)} events, the same; {time.monotonic() - began:.0f} s in all")


def record(api, count):
    for start in range(0, count, EACH_REQUEST):
        events = [event(number) for number in range(start, min(start + EACH_REQUEST, count))]
        api.call("POST", "/audit_logs", {"events": events}, bearer=api.credentials["bearer"])


def event(number):
    return {
        "action": "connection_group_added_with_role",
        "outcome": "failure" if number % 10 == 0 else "success",
        "actor": {"user_id": f"u-{number % 7}", "username": "müller, 美玲 🕸", "ip": "192.0.2.7"},
        "entity": {"entity_type": "workspace_connection", "entity_id": str(number)},
        "context": {"note": 'says "hi"\n', "deep": [number, -0.5, 1e21, True, None, {"er": []}]},
    }


def whole(api, streams, began):
    """Every receiver has the whole log, as the API answers it."""
    wait("all streams", lambda: all(api.status(stream)["lag"] == 0 for stream in streams))
    wait("all streams", lambda: all(api.status(stream)["state"] == "active" for stream in streams))
    log = {event["sequence"]: event for event in api.feed()}
    for stream, receiver in streams.items():
        require(not receiver.problems, receiver.problems[:3])
        # Asked first: the events that exist by then must be delivered.
        status = api.status(stream)
        got = receiver.by_sequence()
        missing = [sequence for sequence in range(max(got) + 1) if sequence not in got]
        require(not missing, f"{type(receiver).__name__} lacks {missing[:5]}")
        # The last events may be records of these reads, and newer than the answer.
        different = [sequence for sequence in got if got[sequence] != log.get(sequence, got[sequence])]
        require(not different, f"{type(receiver).__name__} has another {different[:5]}")
        require(len(got) >= status["next"] - 1, f"{len(got)} of {status['next']}")
        repeated = len(receiver.events) - len(got)
        print(
            f"{type(receiver).__name__}: {len(got)} events equal to the API's, none missing, in order,"
            f" {repeated} repeated, {receiver.requests} requests ({time.monotonic() - began:.0f} s)",
            flush=True,
        )


def wait(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        require(time.monotonic() < deadline, f"{what}: not within {PATIENCE} s")
        time.sleep(0.1)


main()
