#!/usr/bin/env bash
# Holds the page's verifier and the command line to the verdicts of tests/vectors/events.json. Then drives the page for people in
# a real browser, against the local system: signs in, filters, brushes, follows, verifies
# (as `auditlog verify event` does, and against an event of which one byte was changed), exports, lists 10,000 events and
# none, manages tokens, walks at random and holds the list against the API, and scans every state with axe. Screenshots of
# the states are left in target/viewer/screenshots.
#
#   tests/viewer.sh             everything, in some ten minutes once it is built
#   EVENTS=100000 tests/viewer.sh
#                               with so many events in the large workspace, and scrolls through all of them
#   STEPS=1000 WALK_EVENTS=5000 tests/viewer.sh
#                               with so many random steps over so many events; SEED repeats a walk
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

# On the disk, so that `local jwt` finds its key; and the authorizer is asked each time, so that a revoked token is seen at once.
data=$work/data
rm -rf "$data"
local_options=(--data "$data" --authorizer-ttl 0)
. tests/local.sh

jwt() { "$target/debug/local" jwt --workspace "$1" --data "$data"; }
JWT_EMPTY=$(jwt empty) JWT_LARGE=$(jwt large)
export LOCAL="$target/debug/local" DATA="$data"
export CHROMIUM JWT_EMPTY JWT_LARGE VIEWER_WORK="$work" AUDITLOG="$target/debug/auditlog" EVENTS="${EVENTS:-10000}"
node --test --test-concurrency=1 --test-reporter=spec tests/viewer/
rm -rf "$data"
