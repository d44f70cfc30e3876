"""Random events, recorded, exported, imported and compared."""

import argparse
import base64
import decimal
import fractions
import hashlib
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import time
import unicodedata
import urllib.request

import rfc8785

ACTOR = "round-trip"
PARTS = ["actor", "changes", "context", "description", "entity"]
# Members that the service sets for each workspace.
SET_BY_SERVICE = ["received_at", "sequence", "salt", "redacted", "workspace_username"]
FORMATS = {"ndjson": "ndjson", "csv": "csv", "json": "ndjson"}


def characters():
    """All characters by class. Half of a pair is class Cs; JSON can write it as an escape."""
    classes = {}
    for code in range(sys.maxunicode + 1):
        classes.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return classes


class Chance(random.Random):
    def __init__(self, seed):
        super().__init__(seed)
        self.classes = characters()

    def text(self, number):
        """A text with a character of one class, each class in its turn."""
        names = sorted(self.classes)
        pieces = [self.choice(self.classes[names[number % len(names)]])]
        pieces += [self.choice(self.classes[self.choice(names)]) for _ in range(self.randrange(6))]
        pieces += self.choices(["=", ";", ",", '"', "'", "\\", "\n", "a", "🕷", "\\u{85}"], k=self.randrange(4))
        self.shuffle(pieces)
        return "".join(pieces)

    def number(self, number):
        """A number: a double of each exponent in its turn, an integer up to 10^30, or one at an edge of what is exact."""
        kind = number % 4
        if kind < 2:
            bits = self.randrange(2) << 63 | (number * 2 + kind) % 2047 << 52 | self.randrange(2**52)
            return decimal.Decimal(repr(struct.unpack(">d", bits.to_bytes(8))[0]))
        if kind == 2:
            return decimal.Decimal(self.choice([1, -1]) * self.randrange(10 ** self.randrange(1, 31)))
        near = self.choice([2**53, 10**15, 10**16, 10**20, 10**21, 10**22, 2**63, 2**64])
        return decimal.Decimal(self.choice([1, -1]) * (near + self.randrange(-3, 4)))

    def notations(self, number):
        """The same number in several notations."""
        sign, digits, exponent = number.as_tuple()
        digits, minus = "".join(map(str, digits)), "-" if sign else ""
        shift = len(digits) - 1
        fraction = digits[1:] or "0"
        return [
            f"{minus}{digits}e{exponent}", f"{minus}{digits}E{exponent:+}", f"{minus}{digits[0]}.{fraction}e{exponent + shift}",
            f"{minus}0.{digits}E{exponent + shift + 1:+}", f"{minus}{digits.rstrip('0') or '0'}e{exponent + shift + 1 - len(digits.rstrip('0') or '0')}", f"{minus}{digits}.000e{exponent}",
            f"{number:f}", f"{minus}{digits}e{'-' if exponent < 0 else '+'}000{abs(exponent)}",
        ]

    def time(self):
        seconds, digits = self.randrange(946_771_200, 1_790_000_000), self.randrange(7)
        fraction = f".{self.randrange(10**digits):0{digits}}" if digits else ""
        zone = self.choice(["Z", "z", "+00:00", "-00:00", "+05:30", "-08:00", "+13:45"])
        hours, minutes = (int(zone[1:3]), int(zone[4:6])) if len(zone) == 6 else (0, 0)
        offset = (hours * 60 + minutes) * 60 * (-1 if zone[0] == "-" else 1)
        local = time.strftime(f"%Y-%m-%d{self.choice('Tt')}%H:%M:%S", time.gmtime(seconds + offset))
        utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return f"{local}{fraction}{zone}", f"{utc}.{fraction[1:].ljust(6, '0')}Z"


def is_kept(number):
    """Whether a number can be recorded: its value is that of its canonical text, and integers are exact for every reader."""
    if number == number.to_integral_value() and 2**53 <= abs(number) < 10**21:
        return False
    double = float(number)
    if double in (float("inf"), float("-inf")):
        return False
    return fractions.Fraction(rfc8785.dumps(double).decode()) == fractions.Fraction(number)


def event(chance, number, texts, moment, notations):
    """The event as JSON text."""
    text = {
        "id": f"r-{number:06}", "timestamp": moment, "action": chance.choice(["group_created", "x_forecast_published"]), "description": texts[0],
        "outcome": chance.choice(["success", "failure"]), "actor": {"user_id": ACTOR, "username": texts[1], "user_agent": texts[2]},
        "entity": {"entity_type": "report", "entity_id": f"e-{number % 7}", "entity_name": texts[3]},
        "context": {"text": texts[4], f"k{texts[5]}": [texts[6], None, True], "n": "[here]"}, "changes": [{"path": "/a", "old": None, "new": texts[7]}],
    }
    return json.dumps(text).replace('"[here]"', f"[{', '.join(notations)}]")


class Workspace:
    def __init__(self, asked, name, endpoint, bearer):
        self.asked, self.name, self.endpoint, self.bearer = asked, name, endpoint, bearer

    def ask(self, path, body=None, raw=False):
        headers = {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.endpoint}/api/{self.name}/{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                got = answer.read()
        except urllib.error.HTTPError as error:
            got = error.read()
        return got if raw else json.loads(got)

    def run(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDITLOG_")}
        environment |= {"AUDITLOG_ENDPOINT": self.endpoint, "AUDITLOG_WORKSPACE": self.name, "AUDITLOG_TOKEN": self.bearer}
        done = subprocess.run([self.asked.bin / "auditlog", *arguments], env=environment, text=True, capture_output=True)
        assert done.returncode == 0, f"auditlog {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"

    def record(self, events):
        results = []
        for first in range(0, len(events), 50):
            body = f'{{"events": [{", ".join(events[first : first + 50])}]}}'
            results += self.ask("audit_logs", body.encode())["results"]
        assert len(results) == len(events)
        return results

    def export(self, format):
        """The file of an export, once all events are sealed."""
        file = self.asked.work / "files" / f"{self.name}.{format}"
        self.run("export", file, "--format", format, "--actor", ACTOR, "--start", "2000-01-01T00:00:00Z")
        return file

    def sealed(self, count):
        for _ in range(300):
            page, unsealed = None, 0
            page = self.ask(f"audit_logs?actor={ACTOR}&limit=1000&format=ndjson", raw=True).decode().splitlines()
            unsealed = sum(json.loads(line)["sequence"] is None for line in page)
            if len(page) == min(count, 1000) and unsealed == 0:
                return
            time.sleep(0.2)
        raise SystemExit(f"{self.name}: {unsealed} events are not sealed after a minute")

    def leaves(self):
        """The leaves of the log, by sequence."""
        size = int(self.ask("ledger/checkpoint", raw=True).decode().split("\n")[1])
        leaves = []
        for tile in range((size + 255) // 256):
            width = min(256, size - tile * 256)
            assert tile < 1000
            bundle = self.ask(f"ledger/tile/entries/{tile:03}" + (f".p/{width}" if width < 256 else ""), raw=True)
            while bundle:
                length = int.from_bytes(bundle[:2])
                leaves.append(bundle[2 : 2 + length])
                bundle = bundle[2 + length :]
        return leaves


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def leaf(event):
    """The leaf of an event, by docs/ledger.md and the package rfc8785."""
    seed = base64.urlsafe_b64decode(event["salt"] + "==")
    names = ["id", "action", "timestamp", "received_at", "outcome"]
    leaf = {"version": 1, "workspace": event["workspace_username"]} | {name: event[name] for name in names}
    for part in PARTS:
        salt = base64url(hashlib.sha256(seed + part.encode()).digest()[:16])
        disclosure = base64url(rfc8785.dumps([salt, part, event[part]]))
        leaf[part] = base64url(hashlib.sha256(disclosure.encode()).digest())
    return rfc8785.dumps(leaf)


def exact(file):
    """The events of an export by id, with numbers as they are written."""
    lines = file.read_text().split("\n")
    events = [json.loads(line, parse_int=str, parse_float=str) for line in lines if line]
    return {event["id"]: {name: value for name, value in event.items() if name not in SET_BY_SERVICE} for event in events}


def compare(what, found, expected):
    assert found.keys() == expected.keys(), f"{what}: {len(found)} events, and not {len(expected)}"
    for id, event in expected.items():
        assert found[id] == event, f"{what}: {id}\n{json.dumps(event)}\nbecame\n{json.dumps(found[id])}"


def check_leaves(asked, workspace, file):
    lines = [line for line in file.read_text().split("\n") if line]
    events = [json.loads(line) for line in lines]
    ours = [leaf(event) for event in events]
    node = subprocess.run(["node", asked.work / "leaves.mjs", file], capture_output=True, check=True).stdout.splitlines()
    log = workspace.leaves()
    for event, one, other in zip(events, ours, node, strict=True):
        assert one == other == log[event["sequence"]], f"{workspace.name}: the leaf of {event['id']}\n{one}\n{other}\n{log[event['sequence']]}"
    return len(ours)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    for name in ["work", "bin", "credentials"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    asked = parser.parse_args()
    began = time.monotonic()
    print(f"seed {asked.seed}; repeat this run with SEED={asked.seed} tests/roundtrip.sh {asked.events}", flush=True)
    (asked.work / "files").mkdir()
    chance = Chance(asked.seed)
    ready = json.loads(asked.credentials.read_text())

    def workspace(name):
        jwt = subprocess.run([asked.bin / "local", "jwt", "--data", asked.work / "data", "--workspace", name], text=True, capture_output=True, check=True)
        admin = Workspace(asked, name, ready["endpoint"], jwt.stdout.strip())
        body = {"name": "round trip", "scopes": ["audit_log:read", "audit_log:write"]}
        return Workspace(asked, name, ready["endpoint"], admin.ask("tokens", json.dumps(body).encode())["bearer"])

    source = workspace("source")
    sent, numbers = [], []
    for number in range(asked.events):
        texts, (moment, utc), value = [chance.text(number * 8 + each) for each in range(8)], chance.time(), chance.number(number)
        sent.append((texts, moment, utc))
        numbers.append((value, chance.notations(value)))
    lines = [event(chance, number, texts, moment, numbers[number][1]) for number, (texts, moment, _) in enumerate(sent)]
    refused = 0
    results = source.record(lines)
    again = []
    for number, ((value, notations), result) in enumerate(zip(numbers, results)):
        assert all(fractions.Fraction(decimal.Decimal(text)) == fractions.Fraction(value) for text in notations), notations
        if is_kept(value):
            assert result["status"] == "recorded", f"{value} in {notations} was refused: {result}"
            continue
        refused += 1
        errors = [(error["pointer"], error["code"]) for error in result["problem"]["errors"]]
        expected = [(f"/context/n/{index}", "inexact_number") for index in range(len(notations))]
        assert errors == expected, f"{value} in {notations}: {errors}"
        again.append(lines[number].replace(f"[{', '.join(notations)}]", "[0]"))
        numbers[number] = (decimal.Decimal(0), ["0"])
    assert 0 < refused < asked.events
    assert all(result["status"] == "recorded" for result in source.record(again))
    source.sealed(asked.events)
    print(f"{asked.events} events recorded; {refused} numbers refused, each in every notation and with its pointer", flush=True)

    first = exact(source.export("ndjson"))
    whole = 0
    for number, (texts, _, utc) in enumerate(sent):
        event_read = first[f"r-{number:06}"]
        marks = event_read["context"].get("audit_log_escaped", {})
        places = {"/description": event_read["description"], "/actor/username": event_read["actor"]["username"], "/context/text": event_read["context"]["text"]}
        for (place, value), text in zip(places.items(), [texts[0], texts[1], texts[4]]):
            if place not in marks and "" not in marks:
                assert value == text, f"r-{number:06} {place}: {text!r} became {value!r}"
                whole += 1
        assert event_read["timestamp"] == utc, (event_read["timestamp"], utc)
        for text in event_read["context"]["n"]:
            assert fractions.Fraction(text) == fractions.Fraction(numbers[number][0]), (text, numbers[number])
    print(f"read back with equal values; {whole} texts unchanged, the others with their mark", flush=True)

    leaves = check_leaves(asked, source, asked.work / "files/source.ndjson")
    for format, origin in FORMATS.items():
        file = source.export(format) if format != "ndjson" else asked.work / "files/source.ndjson"
        copy = workspace(f"from-{format}")
        copy.run("import", "--from", origin, file)
        copy.sealed(asked.events)
        exported = copy.export("ndjson")
        compare(f"imported from {format}", exact(exported), first)
        leaves += check_leaves(asked, copy, exported)
        print(f"{format}: exported and imported with equal values", flush=True)
    ocsf = [json.loads(line) for line in source.export("ocsf").read_text().split("\n") if line]
    assert {record["metadata"]["uid"] for record in ocsf} == first.keys()
    print(f"ocsf: {len(ocsf)} records, one for each event", flush=True)
    print(f"{leaves} leaves equal to those of rfc8785 and canonicalize; {time.monotonic() - began:.0f} s", flush=True)


main()
