"""What the rehearsal shows, fact by fact; the first that does not hold ends it."""

import sys
import time

held = []


def holds(fact, condition, seen=""):
    """Notes that a fact holds, or ends the run."""
    if not condition:
        sys.exit(f"\nDOES NOT HOLD: {fact}\nseen: {str(seen)[:4000]}")
    held.append(fact)
    print(f"held: {fact}", flush=True)


def wait_for(what, look, seconds=60):
    """Looks again until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            sys.exit(f"\nDOES NOT HOLD: {what}, within {seconds} s")
        time.sleep(0.5)
    return seen
