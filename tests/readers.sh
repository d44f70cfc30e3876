#!/usr/bin/env bash
# Forges files at random from true ones, verifies each with `auditlog verify`, and reads every file that was proved (also those of
# tests/vectors/forgeries) with DuckDB, pandas, pyarrow and Python's json, csv and gzip: each must get exactly the events that
# were logged. Prints how often each answer was given, and stops at a reading that differs.
#
#   tests/readers.sh [forgeries, 5000 by default]
#   SEED=7 tests/readers.sh 20000
#
# It needs Rust, a C compiler and Python 3.11 with venv. It installs the rest itself:
# pip install duckdb==2.0.1 pandas==3.1.1 pyarrow==26.0.1
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/readers
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1 pyarrow==26.0.1

rm -rf "$work/proved"
FORGERIES=${1:-5000} PROVED=$work/proved cargo test --workspace --test command forgeries -- --nocapture
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/readers/compare.py "$work/proved"
