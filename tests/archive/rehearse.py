"""Archives a recorded month to an S3 on this machine, reads it back with others' tools, and compares.

The parts: `bucket` is the S3 and who may do what there; `system` the local system, which is killed and started again;
`recording` (of tests/export) the events; `reading` what others read from the archive.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "deploy"), str(ROOT / "tests" / "export")]

import reading  # noqa: E402
import recording  # noqa: E402
from bucket import Bucket  # noqa: E402
from emulator import start_ministack, stop  # noqa: E402
from facts import held, holds, wait_for  # noqa: E402
from system import System  # noqa: E402

# The seconds after which the system is killed and started again.
KILLED_AFTER = (0.1, 0.3, 0.5, 1.0)
EACH_REQUEST = 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--auditlog", type=pathlib.Path, required=True)
    parser.add_argument("--local", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    asked = parser.parse_args()
    for name in ("data", "copy", "damaged"):
        shutil.rmtree(asked.work / name, ignore_errors=True)
    ministack, _, endpoint = start_ministack(asked.work, asked.work / "no-certificate")
    try:
        bucket = Bucket(endpoint)
        bucket.the_archivers_key_can_only_put()
        system = System(asked.local, asked.work, bucket.environment)
        try:
            rehearse(asked, bucket, system)
        finally:
            system.kill()
    finally:
        stop(ministack)
    print(f"{len(held)} facts held")


def rehearse(asked, bucket, system):
    half = asked.events // 2
    record(system, 0, half)
    system.checkpoint()
    stream = system.create_stream()
    # While it archives, killed runs are repeated under the same names.
    for pause in KILLED_AFTER:
        time.sleep(pause)
        system.kill()
        system.start()
        system.end_leases()
    wait_for("the first half is archived", lambda: system.is_archived(stream), 120)
    record(system, half, asked.events)
    system.checkpoint()
    redact(system)
    archived = wait_for("all is archived", lambda: system.is_archived(stream), 120)
    killed = f"the system was killed {len(KILLED_AFTER)} times, and the stream is at the head of the log"
    holds(killed, archived["status"]["state"] == "active", archived)
    test = system.test_stream(stream)
    holds("a test puts an object", test["problem"] is None and bucket.has(f"tests/workspace={system.workspace}/{stream}.json"), test)

    copy = asked.work / "copy"
    bucket.copy_to(copy)
    manifests = [json.loads(path.read_text()) for path in sorted(copy.glob("manifests/*/*.json"))]
    last = manifests[-1]["last"]
    answered = system.answered(last)
    holds(f"the API answers every sequence from 0 to {last}", [event["sequence"] for event in answered] == list(range(last + 1)))
    for name, read in (("lines", reading.lines), ("pyarrow", reading.pyarrow), ("DuckDB", reading.duckdb)):
        began = time.monotonic()
        compare(name, answered, read(copy))
        print(f"  {len(answered)} rows in {time.monotonic() - began:.1f} s", flush=True)
    queries(copy, system.workspace)
    verify(asked, system, copy)
    sizes(copy, len(answered), len(manifests))


def event(number):
    """The event of this number, on one of four days."""
    made = recording.event(number)
    return made | {"timestamp": f"2024-02-{1 + number % 4:02}{made['timestamp'][10:]}"}


def record(system, first, count):
    """Records events, and waits until they are sealed."""
    for number in range(first, count, EACH_REQUEST):
        events = [event(each) for each in range(number, min(count, number + EACH_REQUEST))]
        results = system.call("POST", "audit_logs", {"events": events})["results"]
        # An event whose answer did not arrive in time may be recorded already.
        assert all(result["status"] in ("recorded", "duplicate") for result in results), results[:1]
    recording.sealed(system.credentials, count)


def redact(system):
    """Erases parts of an event that was archived, and of one that was not: both stay proved."""
    system.call("POST", "redactions", {"sequences": [5], "parts": ["actor"]}, admin=True)


def compare(name, answered, read):
    """Every field of every row, with what was erased since left out of both."""
    holds(f"{name}: as many rows as the API answers, each once", len(read) == len(answered), (len(read), len(answered)))
    erased = {event["sequence"] for event in answered if event["redacted"]}
    for event, row in zip(answered, read):
        if event["sequence"] in erased:
            continue
        different = {key for key in event.keys() | row.keys() if event.get(key) != row.get(key)}
        if different:
            key = sorted(different)[0]
            holds(f"{name}: sequence {event['sequence']} has the same {key}", False, (event.get(key), row.get(key)))
    holds(f"{name}: every field of every row is the API's", len(erased) == 1, erased)


def queries(copy, workspace):
    """The queries of docs/archive.md, as they stand there."""
    text = (ROOT / "docs" / "archive.md").read_text()
    found = re.findall(r"```sql\n(.*?)```", text, re.S)
    found = [query.replace("'acme'", f"'{workspace}'") for query in found]
    for query in found:
        rows = reading.query(copy, query)
        holds(f"a query of docs/archive.md finds something: {query.split(chr(10))[0][:60]}…", rows, query)
    holds("docs/archive.md has five queries", len(found) == 5)
    first, last, events, sequences = reading.query(copy, found[-1])[0]
    holds("no sequence is missing or there twice", first == 0 and events == sequences == last + 1, (first, last, events, sequences))


def verify(asked, system, copy):
    key = system.key()

    def run(directory):
        command = [asked.auditlog, "verify", "archive", directory, "--key", key]
        return subprocess.run(command, capture_output=True, text=True, env={"HOME": str(asked.work)})

    began = time.monotonic()
    verified = run(copy)
    # Events of the last run may be later than its checkpoint: exit code 4 says so, and that everything before
    # it is proved.
    is_proved = verified.returncode == 0 or (verified.returncode == 4 and "events after the checkpoint" in verified.stderr)
    holds("auditlog verify archive proves the copy", is_proved, verified.stdout + verified.stderr)
    print(verified.stdout + f"  in {time.monotonic() - began:.1f} s", flush=True)
    damages = {
        "a byte of columns": lambda of: flip(sorted(of.glob("parquet/*/*/*"))[3]),
        "a byte of lines": lambda of: flip(sorted(of.glob("ndjson/*/*/*"))[3]),
        "an object that is gone": lambda of: sorted(of.glob("parquet/*/*/*"))[-1].unlink(),
        "a manifest that is gone": lambda of: sorted(of.glob("manifests/*/*"))[0].unlink(),
        "a number in a manifest": lambda of: change(sorted(of.glob("manifests/*/*"))[0], '"filter": false', '"filter": true'),
        "an object that was slipped in": lambda of: shutil.copy(
            sorted(of.glob("parquet/*/*/*"))[0], sorted(of.glob("parquet/*/*"))[-1] / "more.parquet"
        ),
    }
    for name, damage in damages.items():
        damaged = asked.work / "damaged"
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(copy, damaged)
        damage(damaged)
        refused = run(damaged)
        holds(f"auditlog verify archive refuses {name}", refused.returncode == 1, refused.stdout + refused.stderr)
        print("  " + refused.stderr.split("\n")[1].strip()[:150], flush=True)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def sizes(copy, events, runs):
    for folder in ("ndjson", "parquet", "manifests"):
        files = [path for path in copy.glob(f"{folder}/**/*") if path.is_file()]
        total = sum(path.stat().st_size for path in files)
        print(f"{folder}: {len(files)} objects, {total} bytes, {total / events:.0f} for each event, {runs} runs")


if __name__ == "__main__":
    main()
