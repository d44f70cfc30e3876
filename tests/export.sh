#!/usr/bin/env bash
# Rehearses `auditlog export`: starts the local system, records events with texts that spreadsheets are known to
# spoil, and exports them in each format twice, once without interruption and once killed (SIGKILL) at random
# moments and resumed until it is complete. Both files must be equal byte for byte. Then all formats are
# compared with the recorded events, and the CSV, as pandas and openpyxl read it, with the JSON, field by field.
# Stops at the first mismatch.
#
#   tests/export.sh [events, 5000 by default]
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the rest
# itself: pip install openpyxl==3.1.5 pandas==3.1.1
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
