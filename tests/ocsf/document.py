"""Writes the examples of docs/ocsf.md from actions.json, which the tests of shared/src/ocsf compare with the code.

    python3 tests/ocsf/document.py [--check]
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs" / "ocsf.md"
BEGIN, END = "<!-- examples: written by tests/ocsf/document.py -->\n", "<!-- end of the examples -->\n"


def compact(value):
    """As serde_json writes a value: members in order of their names, without spaces."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def section(action):
    ways = "".join(
        f"```json\n{compact(example['event'])}\n```\n\n```json\n{compact(example['ocsf'])}\n```\n\n"
        for example in action["examples"]
    )
    return f"#### `{action['action']}`\n\nNames: {action['members']}.\n\n{ways}"


def row(action):
    first = action["examples"][0]["ocsf"]
    severities = dict.fromkeys(example["ocsf"]["severity"] for example in action["examples"])
    return (
        f"| [`{action['action']}`](#{action['action']}) | {first['class_uid']} {first['class_name']} "
        f"| {first['activity_name']} | {', '.join(severities)} | {action['members']} |\n"
    )


actions = json.loads((FOLDER / "actions.json").read_text())
written = (
    "| action | class | activity | severity | names |\n|---|---|---|---|---|\n"
    + "".join(map(row, actions))
    + "\n"
    + "".join(map(section, actions))
)
page = PAGE.read_text()
before, rest = page.split(BEGIN)
after = rest.split(END)[1]
new = before + BEGIN + "\n" + written + END + after
if "--check" in sys.argv:
    if new != page:
        sys.exit("docs/ocsf.md is not up to date: run python3 tests/ocsf/document.py")
else:
    PAGE.write_text(new)
