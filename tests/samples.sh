#!/usr/bin/env bash
# Checks the links of all documents, and runs each code sample of the README and of docs/, unaltered, against the local
# system: shell blocks in a shell, Python, JavaScript, TypeScript and Rust as programs, JSON by a parser, the input transformer on its
# sample; and the producers in docs/examples/, with the AWS SDKs. A sample that cannot run here is named with the reason. Stops at the
# first sample that fails.
#
#   tests/samples.sh
#
# It needs Rust, a C compiler, Python 3.10 or later with venv, and Node.js 20 or later with npm. It installs the
# rest under the target directory:
#
#   pip install awscli boto3 standardwebhooks==1.1.0
#   npm install tsx@4 @aws-sdk/client-eventbridge@3
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/samples
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check boto3 awscli standardwebhooks==1.1.0
npm install --silent --no-audit --no-fund --no-save --prefix "$work" tsx@4 @aws-sdk/client-eventbridge@3
. tests/local.sh
python3 tests/samples/links.py
PATH="$work/venv/bin:$work/node_modules/.bin:$PATH" AUDITLOG="$target/debug/auditlog" CLIENT="$target/debug/examples/client" \
    python3 tests/samples/run.py --work "$work" --ready "$ready"
