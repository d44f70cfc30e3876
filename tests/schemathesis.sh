#!/usr/bin/env bash
# Compares the API with its own description: starts the local system, lets Schemathesis read /api/openapi.json
# from it and call every route with allowed and forbidden input. Fails at any server error, any undescribed
# status, header or content type, any answer that breaks its schema, any forbidden input that is accepted, and
# any route that answers without the required credentials.
#
#   tests/schemathesis.sh [examples a route, 200 by default] [seed, 1 by default]
#
# It needs Rust, a C compiler and Python 3.10 or later with venv, listens on 127.0.0.1 only, and takes a few minutes.
# It installs the rest itself: pip install schemathesis==4.32.5
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-200}
seed=${2:-1}

target=${CARGO_TARGET_DIR:-$PWD/target}
config=$PWD/tests/schemathesis.toml
work=$target/schemathesis
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5

. tests/local.sh

credential() { "$work/venv/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$ready" "$1"; }
endpoint=$(credential endpoint)
AUDIT_LOGS_WORKSPACE=$(credential workspace)
AUDIT_LOGS_BEARER=$(credential bearer)
AUDIT_LOGS_TOKEN=$(credential token)
AUDIT_LOGS_SECRET=$(credential secret)
AUDIT_LOGS_ADMIN_JWT=$(credential admin_jwt)
export AUDIT_LOGS_WORKSPACE AUDIT_LOGS_BEARER AUDIT_LOGS_TOKEN AUDIT_LOGS_SECRET AUDIT_LOGS_ADMIN_JWT

# Schemathesis writes notes into its working directory.
cd "$work"
call() { # call CONFIG OPTION…
    local config=$1
    shift
    timeout 900 venv/bin/schemathesis --config-file "$config" run "$endpoint/api/openapi.json" \
        --seed "$seed" --generation-database none --no-shrink --continue-on-failure "$@"
}
# In any workspace: nearly always one that is not the caller's.
call "$config" --max-examples "$((examples / 4 + 1))" --phases coverage,fuzzing --include-path-regex '\{workspace\}' --warnings off
# In the caller's own workspace.
{ cat "$config"; printf '\n[parameters]\n"path.workspace" = "${AUDIT_LOGS_WORKSPACE}"\n'; } >own.toml
call "$work/own.toml" --max-examples "$examples"

kill -0 "$local" 2>/dev/null || { cat "$work/local.log"; echo "the local system is gone"; exit 1; }
