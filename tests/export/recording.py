"""The events that are exported: what was sent, and how it is sent."""

import concurrent.futures
import datetime
import json
import random
import urllib.request

# All events are in this month, in which the demo has no events.
START, END = "2024-02-01", "2024-03-01"
ACTIONS = ["group_created", "connection_group_added_with_role", "x_forecast_published"]
# Texts that a spreadsheet could take for a formula, a number, a date, a boolean or an empty cell; and texts
# that break a line or a cell.
TEXTS = [
    "Star Space", "=1+1", "=HYPERLINK(\"https://example.com\")", "+49 30 1234", "-1", "@SUM(A1)", "＝1+1", "'quoted'",
    "'", "007", "1e5", "3.0", "TRUE", "NaN", "NA", "null", "None", "2024-02-18", "1/2", " spaces ", "a,b;c",
    'says "hi"', '"', "müller, 美玲 🕸", "x" * 250,
]
# Texts that only free-text members may have.
LINES = ["\tindented", "one\ntwo", "one\r\ntwo\r\n", "\n=1+1", "\r", "a\rb", ""]
EACH_REQUEST = 250


def event(number):
    """The event of this number: the same at every run. Three of them share each moment."""
    chance = random.Random(number)
    time = datetime.datetime(2024, 2, 1) + datetime.timedelta(seconds=number // 3 * 20)
    text = lambda: chance.choice(TEXTS)
    free = lambda: chance.choice(TEXTS + LINES)
    event = {
        "id": f"e-{number:06}",
        "timestamp": time.isoformat(timespec="microseconds") + "Z",
        "action": chance.choice(ACTIONS),
        "outcome": "failure" if chance.random() < 0.1 else "success",
        "actor": {"user_id": text(), "username": text(), "ip": f"192.0.2.{number % 250}", "user_agent": free()},
        "context": {"note": free(), text()[:20]: [free(), 1, -0.5, 1e21, True, None, {"deep": free()}]},
    }
    if chance.random() < 0.8:
        event["description"] = free()
    if chance.random() < 0.8:
        event["entity"] = {"entity_type": text(), "entity_id": text(), "entity_name": text()}
    if chance.random() < 0.3:
        event["changes"] = [{"path": "/role", "old": None, "new": free()}]
    if chance.random() < 0.2:
        event["actor"]["on_behalf_of"] = {"user_id": text(), "username": text(), "type": "user"}
    return event


def record(credentials, count):
    """Records so many events over HTTP, and fails if one of them is not recorded."""
    url = f"{credentials['endpoint']}/api/{credentials['workspace']}/audit_logs"
    headers = {"Authorization": f"Bearer {credentials['bearer']}", "Content-Type": "application/json"}

    def send(first):
        events = [event(number) for number in range(first, min(count, first + EACH_REQUEST))]
        body = json.dumps({"events": events}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120) as answer:
            results = json.load(answer)["results"]
        refused = [result for result in results if result["status"] != "recorded"]
        assert not refused and len(results) == len(events), refused[:1]
        return len(events)

    with concurrent.futures.ThreadPoolExecutor(4) as senders:
        recorded = 0
        for number, sent in enumerate(senders.map(send, range(0, count, EACH_REQUEST)), 1):
            recorded += sent
            if number % 40 == 0:
                print(f"  {recorded} of {count} recorded", flush=True)


def sealed(credentials, count):
    """Follows the feed until it has told so many events of the month: an event changes once more as it is sealed."""
    url = f"{credentials['endpoint']}/api/{credentials['workspace']}/audit_logs/feed"
    headers = {"Authorization": f"Bearer {credentials['bearer']}"}
    of_month = f"start_timestamp={START}T00:00:00Z&end_timestamp={END}T00:00:00Z&limit=1000&wait=20"
    told, after, idle = 0, -1, 0
    while told < count:
        request = urllib.request.Request(f"{url}?after={after}&{of_month}", headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            page = json.load(answer)
        idle = 0 if page["audit_logs"] else idle + 1
        assert idle < 10, f"{told} of {count} events were sealed, and then none"
        told, after = told + len(page["audit_logs"]), page["next_after"]
