#!/usr/bin/env python3
"""Counts markers of unplain English in the tracked files, and fails if a folder has more of them than its limit.

Three counts, each for 10,000 lines of a folder:

  words     words and phrases that plain English does not need
  openings  comments that begin with a clause in place of a noun, and test names that do
  closures  Rust closures that are bound to a name: a function, or an inline closure, is plainer

  tests/words.py           prints the table by folder
  tests/words.py --list    prints each place as well

A low count does not make a text plain, but a high one shows that it is not.
"""

import pathlib
import re
import subprocess
import sys

# The most of each count: words, openings, closures. A folder that is not listed has the limits of DEFAULT.
DEFAULT = (2.0, 2.0, 10.0)
LIMITS = {
    "cli": (2.0, 2.0, 42.0),
    "shared": (2.0, 2.0, 22.0),
}

# Groups split the words, so that this list does not count itself.
PHRASES = [
    r"who(?:m)?ever",
    r"(?:no|some)body",
    r"do(?:es|ne) away",
    r"for(?: )ever",
    r"be(?:ars?)",
    r"bor(?:ne)",
    r"when(?:ce)",
    r"but(?: )for",
    r"nothing(?: )else",
    r"no(?: )other",
]
WORDS = re.compile(r"\b(?:" + "|".join(PHRASES) + r")\b", re.IGNORECASE)

COMMENT = r"^\s*(?:///|//!|//|#|\*)\s*"
CLAUSE = r"(?:What|Who|Whatever|Who(?:ever)|Whether it is|That which|Of) (?:is|was|are|were|has|it|they|this|that|we|an?|the)\b"
NAME = r"\bfn (?:what|who|who(?:ever)|whatever|no(?:body))_"
OPENINGS = re.compile(f"{COMMENT}{CLAUSE}|{NAME}")

CLOSURES = re.compile(r"\blet (?:mut )?\w+ = (?:async )?(?:move )?\|")

SUFFIXES = set(".rs .md .py .js .mjs .ts .sh .yaml .yml .toml .html .css .go".split())
# Code of others, kept as it is.
FOREIGN = {"lit-html", "node_modules"}


def tracked(root):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = pathlib.PurePosixPath(name)
        if path.suffix in SUFFIXES and not FOREIGN & set(path.parts) and (root / name).is_file():
            yield path


def counted(line, is_rust):
    """The three counts of a line."""
    return (
        len(WORDS.findall(line)),
        len(OPENINGS.findall(line)),
        len(CLOSURES.findall(line)) if is_rust else 0,
    )


def count(root, show):
    """For each folder, its lines, its lines of Rust, and the three counts."""
    folders = {}
    for path in tracked(root):
        folder = path.parts[0] if len(path.parts) > 1 else "(top)"
        total = folders.setdefault(folder, [0, 0, 0, 0, 0])
        is_rust = path.suffix == ".rs"
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            found = counted(line, is_rust)
            for index, value in enumerate((1, int(is_rust), *found)):
                total[index] += value
            if show and any(found):
                print(f"{path}:{number}: {line.strip()[:120]}")
    return folders


def rates(total):
    lines, rust, words, openings, closures = total
    return (1e4 * words / max(lines, 1), 1e4 * openings / max(lines, 1), 1e4 * closures / max(rust, 1))


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    folders = count(root, "--list" in sys.argv[1:])
    failed = []
    print(f"{'for 10,000 lines':<16} {'lines':>7} {'words':>7} {'openings':>9} {'closures':>9}")
    for folder, total in sorted(folders.items()):
        found, limits = rates(total), LIMITS.get(folder, DEFAULT)
        above = [is_above > limit for is_above, limit in zip(found, limits)]
        print(f"{folder:<16} {total[0]:>7} {found[0]:>7.1f} {found[1]:>9.1f} {found[2]:>9.1f}" + ("  above its limit" if any(above) else ""))
        if any(above):
            failed.append(folder)
    found = rates([sum(column) for column in zip(*folders.values())])
    print(f"{'all':<16} {sum(total[0] for total in folders.values()):>7} {found[0]:>7.1f} {found[1]:>9.1f} {found[2]:>9.1f}")
    if failed:
        sys.exit(f"above the limits of tests/words.py: {', '.join(failed)}. --list prints each place.")


if __name__ == "__main__":
    main()
