"""Exports a recorded month in each format, in one go and killed again and again, and compares."""

import argparse
import filecmp
import json
import os
import pathlib
import random
import subprocess
import time

import recording
import spreadsheet

FORMATS = ["ndjson", "csv", "json", "ocsf"]
# Kills of an export after its first page and before its last.
KILLS = 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--auditlog", type=pathlib.Path, required=True)
    parser.add_argument("--credentials", type=pathlib.Path, required=True)
    parser.add_argument("--files", type=pathlib.Path, required=True)
    asked = parser.parse_args()
    asked.files.mkdir(exist_ok=True)
    for file in asked.files.iterdir():
        file.unlink()

    began = time.monotonic()
    credentials = json.loads(asked.credentials.read_text())
    recording.record(credentials, asked.events)
    print(f"{asked.events} events recorded in {time.monotonic() - began:.0f} s", flush=True)
    recording.sealed(credentials, asked.events)
    print(f"all of them sealed {time.monotonic() - began:.0f} s after the first was sent", flush=True)
    for format in FORMATS:
        rehearse(asked, format)
    check_content(asked)


def rehearse(asked, format):
    """One file in one go, another one killed and resumed: they must be equal."""
    whole, part = asked.files / f"whole.{format}", asked.files / f"part.{format}"
    began = time.monotonic()
    assert export(asked, format, whole).wait() == 0
    took = time.monotonic() - began
    kills, midway = 0, []
    while len(midway) < KILLS:
        assert kills < 100, f"{format}: no export could be killed midway"
        process = export(asked, format, part)
        time.sleep(random.uniform(0, took))
        process.kill()
        # An export that is killed after its last step is complete: the file is whole and the state is deleted.
        was_killed = process.wait() != 0
        is_whole = part.exists() and part.stat().st_size == whole.stat().st_size
        if not was_killed or (is_whole and not part.with_name(part.name + ".state").exists()):
            # It was quicker than the kill: it counts as one more resumed export, and another one begins.
            require_equal(whole, part)
            part.unlink()
            continue
        kills += 1
        events = events_of_state(part)
        if 0 < events < asked.events and events not in midway:
            midway.append(events)
    assert export(asked, format, part).wait() == 0
    require_equal(whole, part)
    print(
        f"{format}: {whole.stat().st_size} bytes in {took:.1f} s; killed {kills} times,"
        f" among them after {', '.join(map(str, midway))} events: the same bytes",
        flush=True,
    )


def export(asked, format, file):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDITLOG_")}
    command = [asked.auditlog, "export", file, "--format", format, "--credentials", asked.credentials]
    command += ["--start", recording.START, "--end", recording.END]
    log = (asked.files / "export.log").open("a")
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def events_of_state(part):
    """How many events an export has that was killed."""
    state = part.with_name(part.name + ".state")
    return json.loads(state.read_text())["events"] if state.exists() else 0


def require_equal(whole, part):
    assert filecmp.cmp(whole, part, shallow=False), f"{part} is not {whole}"
    assert not part.with_name(part.name + ".state").exists()


def check_content(asked):
    """What was recorded is what each format holds, once and in order."""
    began = time.monotonic()
    events = json.loads((asked.files / "whole.json").read_text())
    assert len(events) == asked.events, len(events)
    for number, event in enumerate(events):
        sent = recording.event(number)
        told = {name: event[name] for name in sent}
        told["actor"] = {name: event["actor"][name] for name in sent["actor"]}
        assert told == sent, f"{told} for {sent}"
    assert lines(asked.files / "whole.ndjson") == events
    of_ocsf = [event["metadata"]["uid"] for event in lines(asked.files / "whole.ocsf")]
    assert of_ocsf == [event["id"] for event in events]
    print(f"json, ndjson and ocsf hold what was recorded ({time.monotonic() - began:.0f} s)", flush=True)

    began = time.monotonic()
    cells = spreadsheet.check(asked.files / "whole.csv", events, asked.files / "whole.xlsx")
    print(f"csv: {cells} cells equal to the json, in pandas and openpyxl ({time.monotonic() - began:.0f} s)")


def lines(path):
    with path.open(newline="\n") as file:
        return [json.loads(line) for line in file]


main()
