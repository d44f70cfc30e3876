#!/usr/bin/env bash
# Rehearses the archive: the local system with a stream to S3, emulated by MiniStack, with signatures verified
# and IAM enforced: the archiver's key may do exactly what the template's role may. Events are recorded, and the
# system is killed (SIGKILL) and started again while it archives. Then pyarrow and DuckDB read the Parquet
# files, and every field of every row, and every line, is compared with the API's own answer; the queries of
# docs/archive.md run; and `auditlog verify archive` proves the copy, and finds the damage in altered copies.
# Stops at the first mismatch.
#
#   tests/archive.sh [events, 2000 by default]
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the rest
# itself: pip install boto3==1.43.106 cryptography==50.0.2 duckdb==2.0.1 ministack==1.5.33 pyarrow==26.0.1
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-2000}

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/archive
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check boto3==1.43.106 cryptography==50.0.2 duckdb==2.0.1 \
    ministack==1.5.33 pyarrow==26.0.1
. tests/programs.sh

PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/archive/rehearse.py --events "$events" \
    --auditlog "$target/debug/auditlog" --local "$target/debug/local" --work "$work"
