"""Receivers of streams, by what each maker documents: they check every request, and share no code with us."""

import datetime
import http.server
import json
import threading

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """An HTTP server that hands each request to `take`, after which its events are here."""

    def __init__(self):
        self.events = []
        self.requests = 0
        self.problems = []
        self.failures = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests += 1
                if receiver.failures:
                    return self.answer(receiver.failures.pop(0), b"")
                try:
                    status, answer = receiver.take(self.path, self.headers, body)
                except Exception as error:
                    receiver.problems.append(f"{type(error).__name__}: {error}")
                    status, answer = 400, b""
                self.answer(status, answer)

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def by_sequence(self):
        """Each event by its sequence; one that came again is the same, and none came before one it follows."""
        found, last = {}, -1
        for event in self.events:
            sequence = event["sequence"]
            if sequence in found:
                require(found[sequence] == event, f"{sequence} came again as another event")
                continue
            require(sequence > last, f"{sequence} came after {last}")
            found[sequence], last = event, sequence
        return found


class WebhookReceiver(Receiver):
    secret = None
    last = None
    previous = None
    previously_signed = 0

    def take(self, path, headers, body):
        require(path == "/hook?of=acme", path)
        require(headers["content-type"] == "application/json", headers["content-type"])
        signed = {name: headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        # The library decides: it raises an error unless one of the signatures is by this secret, and recent.
        payload = Webhook(self.previous or self.secret).verify(body, signed)
        if self.previous:
            self.check_signed_anew(body, signed)
        require(sorted(payload) == ["data", "timestamp", "type"], sorted(payload))
        is_test = any(event["sequence"] is None for event in payload["data"]["events"])
        require(payload["type"] == ("audit_log.test" if is_test else "audit_log.events"), payload["type"])
        datetime.datetime.fromisoformat(payload["timestamp"])
        require(sorted(payload["data"]) == ["events", "stream", "workspace"], sorted(payload["data"]))
        self.last = (body, signed)
        self.events += [event for event in payload["data"]["events"] if event["sequence"] is not None]
        self.tests = getattr(self, "tests", []) + [e for e in payload["data"]["events"] if e["sequence"] is None]
        return 204, b""

    def check_signed_anew(self, body, signed):
        """What was on its way when the secret was replaced has the old one's signature alone, and nothing after it."""
        try:
            Webhook(self.secret).verify(body, signed)
        except WebhookVerificationError:
            require(self.previously_signed == 0, "signed with the old secret alone, after one that was with both")
        else:
            self.previously_signed += 1

    def refuses_what_was_tampered_with(self):
        """The same request with one thing changed: the library must refuse each."""
        body, signed = self.last
        tampered = [
            (body.replace(b'"success"', b'"failure"', 1), signed),
            (body + b" ", signed),
            (body, signed | {"webhook-id": signed["webhook-id"] + "0"}),
            (body, signed | {"webhook-timestamp": str(int(signed["webhook-timestamp"]) + 1)}),
            (body, signed | {"webhook-signature": "v1," + "A" * 43 + "="}),
        ]
        for number, (body, headers) in enumerate(tampered):
            try:
                Webhook(self.secret).verify(body, headers)
            except WebhookVerificationError:
                continue
            raise AssertionError(f"tampered request {number} is taken")
        return len(tampered)


class Collector(Receiver):
    """The HTTP Event Collector: https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector"""

    token = "0b1e6a90-97c4-4d5a-8e0c-3c1b3a0d7c4e"

    def take(self, path, headers, body):
        require(path == "/services/collector/event", path)
        if headers["authorization"] != f"Splunk {self.token}":
            return 403, b'{"text":"Invalid token","code":4}'
        decoder, text, at = json.JSONDecoder(), body.decode(), 0
        while at < len(text):
            event, at = decoder.raw_decode(text, at)
            self.check(event)
            self.events.append(event["event"])
        return 200, b'{"text":"Success","code":0}'

    def check(self, event):
        require(set(event) == {"time", "host", "source", "sourcetype", "index", "event", "fields"}, sorted(event))
        time = datetime.datetime.fromisoformat(event["event"]["timestamp"]).timestamp()
        require(isinstance(event["time"], (int, float)) and abs(event["time"] - time) < 1e-6, event["time"])
        texts = {name: event[name] for name in ("host", "source", "sourcetype", "index")}
        wanted = {"host": "audit-logs", "source": "audit-logs", "sourcetype": "mode:audit", "index": "security"}
        require(texts == wanted, texts)
        # Indexed fields are flat: the real collector refuses a nested one.
        require(all(isinstance(value, (str, int)) for value in event["fields"].values()), event["fields"])
        of_event = {name: event["event"][name] for name in ("action", "category", "outcome", "sequence")}
        of_event |= {"event_id": event["event"]["id"], "workspace": event["event"]["workspace_username"]}
        require(event["fields"] == of_event, event["fields"])


class Intake(Receiver):
    """Datadog's `POST /api/v2/logs`: https://docs.datadoghq.com/api/latest/logs/#send-logs"""

    key = "0123456789abcdef0123456789abcdef"

    def take(self, path, headers, body):
        require(path == "/api/v2/logs", path)
        require(headers["content-type"] == "application/json", headers["content-type"])
        if headers["dd-api-key"] != self.key:
            return 403, b'{"errors":[{"status":"403","title":"Forbidden"}]}'
        require(len(body) <= 5_000_000, "a payload of more than 5 MB")
        logs = json.loads(body)
        require(isinstance(logs, list) and 1 <= len(logs) <= 1000, f"{len(logs)} logs")
        for log in logs:
            self.check(log)
            self.events.append(log["audit_log"])
        return 202, b"{}"

    def check(self, log):
        require(len(json.dumps(log).encode()) <= 1_000_000, "a log of more than 1 MB")
        event = log["audit_log"]
        wanted = {
            "ddsource": "audit-logs", "ddtags": "workspace:acme,env:test", "hostname": "audit-logs", "service": "mode",
            "message": event["description"], "status": "warn" if event["outcome"] == "failure" else "info",
            "timestamp": event["timestamp"], "audit_log": event,
            # Datadog's standard attributes: https://docs.datadoghq.com/standard-attributes/
            "evt": {"id": event["id"], "name": event["action"], "category": event["category"], "outcome": event["outcome"]},
        }
        actor = event["actor"]
        if actor:
            name = {"name": actor["username"]} if actor.get("username") else {}
            wanted["usr"] = {"id": actor["user_id"]} | name
            if actor.get("ip"):
                wanted["network"] = {"client": {"ip": actor["ip"]}}
        require(log == wanted, f"{log} for {wanted}")


def require(holds, what):
    if not holds:
        raise AssertionError(what)
