"""Checks each relative link of the documents: that the file is there, and that it has the heading of the anchor."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)```.*?^\1```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text):
    """The anchors that GitHub gives to the headings of a document."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", text), re.M):
        name = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", name).replace(" ", "-")
        count = seen[name] = seen.get(name, -1) + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def main():
    tracked = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                             cwd=ROOT, capture_output=True, text=True, check=True)
    checked, broken = 0, []
    for name in tracked.stdout.split():
        document = ROOT / name
        text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), document.read_text())
        for link in LINK.finditer(text):
            path, _, anchor = link[1].partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            checked += 1
            target = document.parent / path if path else document
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.append(f"{name}:{text.count(chr(10), 0, link.start()) + 1}: {link[1]}")
    print("\n".join(broken) or f"{checked} links lead to a file and a heading")
    sys.exit(bool(broken) or not checked)


main()
