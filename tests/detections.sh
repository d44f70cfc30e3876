#!/usr/bin/env bash
# Runs the Sigma rules of docs/detections/ over events of the local system, by an engine that shares no code with it: pySigma turns the
# rules into SQL for SQLite. Fails if a rule misses an attack, or finds anything else.
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the rest itself.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/detections
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pysigma==2.0.1 pysigma-backend-sqlite==2.1.1

. tests/local.sh

PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/detections/run.py --credentials "$ready"
