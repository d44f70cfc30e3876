#!/usr/bin/env bash
# Rehearses `auditlog export`: starts the local system, records events with texts that spreadsheets are known to spoil,
# and exports them in each format twice, once in one go and once killed (SIGKILL) at random moments and resumed until
# it is done. Both files must be equal to the byte. Then all formats are held against what was recorded, and the CSV,
# as pandas and openpyxl read it, against the JSON, field by field. Stops at the first thing that does not hold.
#
#   tests/export.sh [events, 5000 by default]
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. Its one-line install is done
# for you: pip install openpyxl==3.1.5 pandas==3.1.1
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-5000}

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/export
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5 pandas==3.1.1

# One by one, as everywhere else: together they would be built with other features.
cargo build --quiet -p local
cargo build --quiet -p cli
ready=$work/ready.json
rm -f "$ready"
RUST_LOG=error "$target/debug/local" --memory --port 0 --ready-file "$ready" >"$work/local.log" 2>&1 &
local=$!
trap 'kill "$local" 2>/dev/null || true; wait "$local" 2>/dev/null || true; rm -f "$ready"' EXIT
for _ in $(seq 300); do
    [ -s "$ready" ] && break
    kill -0 "$local" 2>/dev/null || break
    sleep 0.1
done
[ -s "$ready" ] || { cat "$work/local.log"; echo "the local system did not start"; exit 1; }

PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/export/rehearse.py --events "$events" \
    --auditlog "$target/debug/auditlog" --credentials "$ready" --files "$work/files"
