"""The local system, which archives, and is killed and started again."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import boto3
from facts import wait_for

# The number of attempts to ask a busy system.
TRIES = 8


class System:
    def __init__(self, program, work, environment):
        self.program, self.work, self.environment = program, work, environment
        self.start()

    def start(self):
        ready = self.work / "ready.json"
        ready.unlink(missing_ok=True)
        command = [self.program, "--data", self.work / "data", "--port", "0", "--ready-file", ready, "--archive"]
        log = (self.work / "local.log").open("a")
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            command, env=environment | {"RUST_LOG": "error"} | self.environment, stdout=log, stderr=log
        )
        wait_for("the local system serves", lambda: ready.exists() and ready.read_text())
        self.credentials = json.loads(ready.read_text())
        self.workspace = self.credentials["workspace"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end_leases(self):
        """What time would do, after the longest that the function may run: it holds a stream for as long."""
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        tables = boto3.client("dynamodb", endpoint_url=self.credentials["dynamodb_endpoint"], **keys)
        for stream in tables.scan(TableName="AuditStreams")["Items"]:
            tables.update_item(
                TableName="AuditStreams",
                Key={name: stream[name] for name in ("workspace", "stream")},
                UpdateExpression="REMOVE lease_owner, lease_until",
            )

    def call(self, method, path, body=None, admin=False):
        url = f"{self.credentials['endpoint']}/api/{self.workspace}/{path}"
        token = self.credentials["admin_jwt" if admin else "bearer"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
        for again in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                # The system is busy; a repeated request has the same effect as one.
                if error.code != 503 or not again:
                    raise
                time.sleep(1)

    def text(self, path):
        url = f"{self.credentials['endpoint']}/api/{self.workspace}/{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.credentials['bearer']}"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read().decode()

    def key(self):
        return self.text("ledger/key").strip()

    def checkpoint(self):
        return self.text("ledger/checkpoint")

    def create_stream(self):
        body = {"name": "Archive", "destination": {"type": "s3"}, "from": 0}
        made = self.call("POST", "streams", body, admin=True)
        return made["stream"]

    def stream(self, stream):
        return self.call("GET", f"streams/{stream}", admin=True)

    def is_archived(self, stream):
        """The stream, once it has come to the head."""
        shown = self.stream(stream)
        return shown if shown["status"]["lag"] == 0 else None

    def test_stream(self, stream):
        self.call("POST", f"streams/{stream}/test", admin=True)
        return wait_for("the test is done", lambda: self.stream(stream)["status"]["last_test"])

    def answered(self, last):
        """The events up to a sequence, as the API's feed answers them."""
        events, after = [], -1
        while after < last:
            page = self.call("GET", f"audit_logs/feed?after={after}&limit=1000")
            events += page["audit_logs"]
            after = page["next_after"]
        return [event for event in events if event["sequence"] <= last]
