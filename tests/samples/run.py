"""Runs the fenced blocks of the documents, and the producers in docs/examples/."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
# Samples that cannot run here: a piece of the block, and the reason.
NOT_RUN = {
    "tests/rie.sh": "names tests",
    "cargo test --workspace": "its first line is how the system of this test was started, its second the tests themselves",
    "sam deploy --guided": "needs an AWS account; tests/deploy.sh rehearses it",
    "operator -- token": "needs an AWS account; the operator's own tests run it",
    "operator -- shards": "needs an AWS account; the operator's own tests run it",
    "auditlog-fsck": "needs the tables' credentials; the operator's own tests run it",
    "local -- dynamodb": "serves until it is stopped; tests/rie.sh starts the same",
    "export DYNAMODB_ENDPOINT": "needs cargo-lambda; tests/rie.sh runs each function's program on the same files",
    "sam local invoke": "needs Docker; tests/rie.sh runs SAM's own emulator",
    "cargo test --profile long": "names tests",
    "cargo test -p tests": "names tests",
    "cargo mutants": "takes hours, and changes the code",
    "EVENTS=": "names tests",
    "auditlog proof 90001": "nothing expires here so soon; the command's own tests run it",
    "tests/sumdb.sh": "needs Go; a test of its own",
    "--s3": "needs a bucket; tests/archive.sh has one",
    "aws s3 sync": "needs a bucket; tests/archive.sh verifies a copy of one",
    "tests/archive.sh": "a test of its own",
}
PRELUDE = """
set -euo pipefail
curl() { command curl -sS --fail-with-body "$@"; echo; }
auditlog() {
    case " $* " in
        # Commands without an end are stopped after a while.
        *" --follow "* | *" verify follow "*) local status=0; timeout -s INT 8 "$AUDITLOG" "$@" || status=$?; [ $status = 0 ] || [ $status = 124 ] ;;
        *) "$AUDITLOG" "$@" ;;
    esac
}
cargo() { [ "$1 $2 $3 $4" = "run -p cli --" ] || return 9; shift 4; auditlog "$@"; }
"""
# The program that runs a client of each language, and the name of its file.
CLIENTS = {
    "python": (sys.executable, "client.py"), "javascript": ("node", "client.mjs"), "typescript": ("tsx", "client.mts"),
}
TRANSFORMED = "docs/eventbridge.md"
# A document whose sample is a receiver: it gets a request as a stream sends it, and an altered one.
RECEIVED = "docs/streams.md"
REQUESTS = """
import datetime
import json

secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
body = json.dumps({"type": "audit_log.events", "data": {"events": [{"sequence": 7, "id": "e-7"}]}})
now = datetime.datetime.now(datetime.timezone.utc)
signature = Webhook(secret).sign("str_3xK9aQ2mT7bZ-1-7-7", now, body)
headers = {"webhook-id": "str_3xK9aQ2mT7bZ-1-7-7", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
stored = {}
receive(secret, headers, body, stored.__setitem__)
assert stored == {7: {"sequence": 7, "id": "e-7"}}, stored
try:
    receive(secret, headers, body.replace("e-7", "e-8"), stored.__setitem__)
except Exception as error:
    print("received and refused:", error)
"""


class Samples:
    def __init__(self, work, ready):
        self.work, self.ready = work, ready
        self.home = work / "home"
        self.environment = os.environ | {
            "HOME": str(self.home),
            "AUDIT_ENDPOINT": ready["endpoint"],
            "AUDIT_WORKSPACE": ready["workspace"],
            "AUDIT_TOKEN": ready["bearer"],
            "AUDITLOG_ENDPOINT": ready["endpoint"],
            "AUDITLOG_WORKSPACE": ready["workspace"],
            "AUDITLOG_TOKEN": ready["bearer"],
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_EVENTS": ready["endpoint"],
            "AWS_ENDPOINT_URL_EVENTBRIDGE": ready["endpoint"],
        }
        self.ran, self.not_run = 0, 0

    def begin(self):
        """A home as a reader has it who begins with the document."""
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / ".data").mkdir(parents=True)
        (self.home / ".data/credentials.json").write_text(json.dumps(self.ready, indent=2))

    def document(self, name):
        self.begin()
        if name == "docs/migration.md":
            self.fixtures()
        text = (ROOT / name).read_text()
        shell, jsons = [PRELUDE], []
        for block in FENCE.finditer(text):
            language, body = block[2], block[3]
            where = f"{name}:{text.count(chr(10), 0, block.start()) + 1}"
            reason = next((reason for piece, reason in NOT_RUN.items() if language == "sh" and piece in body), None)
            if language == "yaml":
                reason = "a part of a template, for AWS"
            if language == "sql":
                reason = "for Athena; tests/archive.sh runs it in DuckDB"
            if reason:
                self.not_run += 1
                print(f"not run  {where}: {reason}")
            elif language == "sh":
                shell.append(f"echo '::: {where}'\n{body}")
                self.ran += 1
            elif language == "json":
                jsons.append(self.parses(where, body))
            elif name == RECEIVED and language == "python":
                self.receiver(where, body)
            elif language in ("python", "javascript", "typescript", "rust"):
                self.client(where, language, body)
            elif language:
                raise SystemExit(f"{where}: there is no runner for {language}")
        if len(shell) > 1:
            self.run(name, ["bash", "-c", "\n".join(shell)])
        if name == TRANSFORMED:
            self.transforms(jsons)

    def parses(self, where, body):
        self.ran += 1
        try:
            return json.loads(body)
        except json.JSONDecodeError as error:
            raise SystemExit(f"{where}: {error}") from error

    def client(self, where, language, body):
        if language == "rust":
            if body != (ROOT / "cli/examples/client.rs").read_text():
                raise SystemExit(f"{where}: cli/examples/client.rs is another program")
            command = [os.environ["CLIENT"]]
        else:
            program, file = CLIENTS[language]
            path = self.home / file
            path.write_text(body)
            command = [program, str(path)]
        said = self.run(where, command).replace('"', "")
        if not re.search(rf"^recorded\s+{language}-[0-9a-f-]+ group_created$", said, re.M):
            raise SystemExit(f"{where}: 'recorded', an id and 'group_created' were expected of {said!r}")
        self.ran += 1

    def receiver(self, where, body):
        said = self.run(where, [sys.executable, "-c", body + REQUESTS])
        if "received and refused" not in said:
            raise SystemExit(f"{where}: an altered request was taken")
        self.ran += 1

    def run(self, where, command, **more):
        done = subprocess.run(command, cwd=self.home, env=self.environment, text=True, capture_output=True, timeout=300, **more)
        if done.returncode != 0:
            raise SystemExit(f"{where} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def transforms(self, jsons):
        """What the transformer makes of the sample goes on the bus, and must be read back."""
        sample = next(value for value in jsons if "detail-type" in value)
        transformer = next(value for value in jsons if "InputTemplate" in value)
        envelope = transform(transformer, sample)
        entry = {"EventBusName": "audit-logs", "Source": envelope["source"], "DetailType": envelope["detail-type"]}
        entry |= {"Time": envelope["time"], "Detail": json.dumps(envelope["detail"])}
        self.run(TRANSFORMED, ["aws", "events", "put-events", "--entries", json.dumps([entry])])
        member = envelope["detail"]["context"]["member_id"]
        self.eventually(TRANSFORMED, lambda event: event["context"].get("member_id") == member)
        self.ran += 1

    def producer(self, name, command, **more):
        ids = set(self.run(name, command, **more).split())
        if len(ids) != 13:
            raise SystemExit(f"{name}: 13 ids were expected, of 13 events")
        for wanted in ids:
            self.eventually(name, lambda event: event["id"] == wanted)
        self.ran += 1

    def eventually(self, where, is_wanted):
        """Waits until the bus has delivered it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if any(is_wanted(event) for event in self.events()):
                return
            time.sleep(0.3)
        raise SystemExit(f"{where}: an event is not there after a minute")

    def events(self):
        url = f"{self.ready['endpoint']}/api/{self.ready['workspace']}/audit_logs?limit=1000"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.ready['bearer']}"})
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)["audit_logs"]
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise
                time.sleep(float(error.headers.get("Retry-After", 1)))

    def fixtures(self):
        """The files that docs/migration.md speaks of."""
        workos = {
            "id": "audit_event_1", "action": "user.signed_in", "occurred_at": "2026-01-05T10:00:00Z",
            "actor": {"type": "user", "id": "u1"}, "targets": [{"type": "team", "id": "t1"}],
            "context": {"location": "192.0.2.7"},
        }
        retraced = {
            "id": "r-1", "action": "doc.read", "canonical_time": 1767607200000, "actor": {"id": "u1"},
            "target": {"id": "d1", "type": "doc"}, "crud": "r",
        }
        write = lambda name, value: (self.home / name).write_text(json.dumps(value))
        write("events.json", [workos])
        write("events.ndjson", retraced)
        write("actions.json", {"doc.read": "x_doc_read"})
        for page in (1, 2, 3):
            event = {
                "id": f"m-{page}", "action": "group_created", "timestamp": "2026-01-05T10:00:00.000Z",
                "category": "user_groups", "actor": {"user_id": "u1"}, "workspace_username": "other",
            }
            write(f"page-{page}.json", {"audit_logs": [event]})
        self.run("auditlog export", [os.environ["AUDITLOG"], "export", "all.ndjson", "--category", "workspace_collections"])


def transform(transformer, event):
    """EventBridge's input transformer, as far as the document uses it: a value is put in as JSON."""
    def value(path):
        found = event
        for name in path.removeprefix("$.").split("."):
            found = found[name]
        return json.dumps(found)

    values = {name: value(path) for name, path in transformer["InputPathsMap"].items()}
    return json.loads(re.sub(r"<(\w+)>", lambda match: values[match[1]], transformer["InputTemplate"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--ready", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    samples = Samples(arguments.work, json.loads(arguments.ready.read_text()))
    for name in DOCUMENTS:
        samples.document(name)
        print(f"ran      {name}", flush=True)
    samples.producer("docs/examples/producer-python", [sys.executable, str(ROOT / "docs/examples/producer-python/put_events.py"), "acme"])
    print("ran      docs/examples/producer-python", flush=True)
    # Node looks for the SDK in the program's folder.
    shutil.copy(ROOT / "docs/examples/producer-node/put-events.mjs", arguments.work)
    samples.producer("docs/examples/producer-node", ["node", str(arguments.work / "put-events.mjs"), "acme"])
    print(f"ran      docs/examples/producer-node\n{samples.ran} samples ran; {samples.not_run} cannot run here", flush=True)


main()
