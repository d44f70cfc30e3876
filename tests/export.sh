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

. tests/local.sh

PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/export/rehearse.py --events "$events" \
    --auditlog "$target/debug/auditlog" --credentials "$ready" --files "$work/files"
