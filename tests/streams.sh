#!/usr/bin/env bash
# Rehearses streams: starts the local system and three receivers that share no code with it (a webhook that
# checks signatures with the Standard Webhooks library, an HTTP Event Collector and a Datadog intake that check
# each field), sets up a stream to each through the API, records events, and waits until every receiver has the
# whole log. Meanwhile the receivers fail, the webhook's secret is replaced, and the stream is set back. Stops
# at the first mismatch.
#
#   tests/streams.sh [events, 2000 by default]
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the rest
# itself: pip install standardwebhooks==1.1.0
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-2000}

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/streams
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0

. tests/local.sh

PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" tests/streams/rehearse.py --events "$events" --credentials "$ready"
