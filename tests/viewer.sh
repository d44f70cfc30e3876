#!/usr/bin/env bash
# Drives the page for people in a real browser, against the local system: signs in, filters, brushes, follows, verifies
# (as `auditlog verify event` does, and against an event of which one byte was changed), exports, lists 10,000 events and
# none, manages tokens, and scans every state with axe. Screenshots of the states are left in target/viewer/screenshots.
#
#   tests/viewer.sh             everything, in some two minutes once it is built
#   EVENTS=100000 tests/viewer.sh
#                               with so many events in the large workspace, and scrolls through all of them
#
# It needs Rust, a C compiler, Node.js 20 or later with npm, and Chromium. Where there is none it installs Debian's
# (apt-get install chromium), for which it must be root; CHROMIUM names another. What else it needs is installed for you
# under the target directory:
#
#   npm install playwright-core@1.65.1 axe-core@4.14.1 lit-html@3.3.3
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/viewer
mkdir -p "$work"

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >"$work/apt.log" 2>&1 || {
        echo "there is no Chromium, and apt-get cannot install it: see $work/apt.log, or name one by CHROMIUM" >&2
        exit 1
    }
    CHROMIUM=$(command -v chromium)
fi
npm install --silent --no-audit --no-fund --no-save --prefix "$work" playwright-core@1.65.1 axe-core@4.14.1 lit-html@3.3.3
# The library that the page carries is what its authors published, to the byte.
for file in lit-html.js LICENSE; do
    cmp "$work/node_modules/lit-html/$file" "functions/viewer/page/lit-html/$file"
done

cargo build --quiet -p local -p cli
data=$work/data
rm -rf "$data" "$work/ready.json"
# The authorizer is asked each time, so that a revoked token is seen at once.
RUST_LOG=error "$target/debug/local" --data "$data" --port 0 --authorizer-ttl 0 --ready-file "$work/ready.json" >"$work/local.log" 2>&1 &
local=$!
trap 'kill "$local" 2>/dev/null || true; wait "$local" 2>/dev/null || true; rm -rf "$data" "$work/ready.json"' EXIT
for _ in $(seq 600); do
    [ -s "$work/ready.json" ] && break
    kill -0 "$local" 2>/dev/null || break
    sleep 0.1
done
[ -s "$work/ready.json" ] || { cat "$work/local.log"; echo "the local system did not start"; exit 1; }

jwt() { "$target/debug/local" jwt --workspace "$1" --data "$data"; }
JWT_EMPTY=$(jwt empty) JWT_LARGE=$(jwt large)
export CHROMIUM JWT_EMPTY JWT_LARGE VIEWER_WORK="$work" AUDITLOG="$target/debug/auditlog" EVENTS="${EVENTS:-10000}"
node --test --test-concurrency=1 --test-reporter=spec tests/viewer/
