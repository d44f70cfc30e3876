#!/usr/bin/env bash
# Tries every attempt of tests/template/attempts.json with the policies of each function's role, as SAM
# transforms template.yaml, by IAM's rules. An independent policy simulator (npm @cloud-copilot/iam-simulate)
# answers, which knows the condition keys of DynamoDB and works offline. Fails if an answer differs from the
# list, if a role has a right without an attempt, or if SECURITY.md differs.
#
#   tests/policies.sh                      the template of this directory
#   tests/policies.sh --template FILE      another one, such as an earlier version
#   tests/policies.sh --write              writes the table of SECURITY.md again
#
# It needs Python 3.11 with venv and Node.js with npm. It installs the rest under the target directory.
set -euo pipefail
cd "$(dirname "$0")/.."

SIMULATOR=0.1.173
AWS_SAM_CLI=1.170.0
work=${CARGO_TARGET_DIR:-$PWD/target}/policies
venv=${CARGO_TARGET_DIR:-$PWD/target}/ci/venv
mkdir -p "$work"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import samtranslator' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check "aws-sam-cli==$AWS_SAM_CLI"
grep -qs "\"version\": \"$SIMULATOR\"" "$work/node_modules/@cloud-copilot/iam-simulate/package.json" ||
    npm install --silent --no-audit --no-fund --prefix "$work" "@cloud-copilot/iam-simulate@$SIMULATOR"
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" tests/template/policies.py --simulator "$work" "$@"
