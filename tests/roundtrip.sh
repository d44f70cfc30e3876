#!/usr/bin/env bash
# Records random events (text of every Unicode class, doubles of every exponent and integers up to 10^30 in several notations, times),
# exports them in each format, imports each export into a workspace of its own, and compares: values must be equal, a number must be
# accepted or refused in every notation alike, and the leaves of all logs must be those of two other implementations of RFC 8785.
# Prints its seed; with SEED=… it repeats a run. Stops at the first mismatch.
#
#   tests/roundtrip.sh [events, 1000 by default]
#
# It needs Rust, a C compiler, Python 3.11 with venv, and Node.js 20 or later with npm, and listens on 127.0.0.1 only. It installs the
# rest itself: pip install rfc8785==0.1.4, npm install canonicalize@2.1.0
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-1000}

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/roundtrip
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rfc8785==0.1.4
npm install --silent --no-audit --no-fund --no-save --prefix "$work" canonicalize@2.1.0
rm -rf "$work/data" "$work/files"
local_options=(--data "$work/data")
. tests/local.sh

cp tests/roundtrip/leaves.mjs "$work/leaves.mjs"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/roundtrip/rehearse.py --events "$events" --work "$work" \
    --bin "$target/debug" --credentials "$ready" --seed "${SEED:-$RANDOM}"
