#!/usr/bin/env bash
# Verifies one of our logs with independent code: the libraries of the Go checksum database,
# golang.org/x/mod/sumdb. They open the checkpoint with the log's public key, and show that every tile leads to
# its root, that every leaf is in the tree, and that every smaller tree is its beginning. Stops at the first
# mismatch.
#
#   tests/sumdb.sh                  verifies a log of 66,000 leaves made for the test, and that broken copies
# are refused
#   tests/sumdb.sh DIRECTORY        verifies a log in files
#   tests/sumdb.sh URL TOKEN        verifies the log of a workspace: URL as https://host/api/acme, TOKEN as token:secret
#
# With a URL, each run also keeps the checkpoint, and the next run for the same URL shows that the log continues
# it. KEY=<vkey> is the log's public key, if you have it from a source other than the log itself.
#
# It needs Go and Debian's package of the library's source: apt-get install golang-go golang-golang-x-mod-dev
# (GOPATH names another place of the source), and curl for a URL, or Rust without one.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${CARGO_TARGET_DIR:-$PWD/target}/sumdb
mkdir -p "$work"
GO111MODULE=off GOFLAGS='' GOPATH=${GOPATH:-/usr/share/gocode} GOCACHE=$work/cache \
    go build -o "$work/verify" tests/sumdb/verify.go

broken() { # broken FILE…: verifies that a copy of the sample is refused when a byte of the file is changed
    local file byte
    for file in "$@"; do
        rm -rf "$work/broken"
        cp -r "$work/sample" "$work/broken"
        byte=$(($(stat -c %s "$work/sample/$file") / 2))
        # Replaces a letter, so that a changed text stays a text.
        dd if="$work/sample/$file" bs=1 skip="$byte" count=1 status=none | LC_ALL=C tr '\0-\377' 'B-\377\0-A' |
            dd of="$work/broken/$file" bs=1 seek="$byte" count=1 conv=notrunc status=none
        if "$work/verify" "$work/broken" >"$work/broken.log" 2>&1; then
            echo "a changed $file was not noticed"
            exit 1
        fi
        echo "refused: $(tail -n 1 "$work/broken.log" | sed "s|$work/broken/||")"
    done
}

fetch() { # fetch NAME…: from the log at $url, as files
    local name
    for name in "$@"; do
        printf 'url = "%s/ledger/%s"\noutput = "%s/%s"\n' "$url" "$name" "$log" "$name"
    done | curl --fail --silent --show-error --create-dirs --config <(printf 'user = "%s"\n' "$token") --config -
}

case $# in
    0)
        rm -rf "$work/sample"
        for size in 0 1 300 66000; do
            rm -rf "$work/sample"
            cargo run --quiet -p shared --example sample_log -- "$work/sample" "$size"
            "$work/verify" "$work/sample"
        done
        broken key checkpoint tile/{0/000,0/200,0/257.p/208,1/000,1/001.p/1,2/000.p/1} \
            tile/entries/{000,257.p/208} leaves/{0,65999} earlier/{1,33000}
        ;;
    1) "$work/verify" "$1" ;;
    2)
        url=${1%/}
        token=$2
        log=$work/$(printf %s "$url" | tr -c 'A-Za-z0-9.-' _)
        mkdir -p "$log"
        # A stored tile may have another width by now, so only the checkpoints are kept.
        rm -rf "$log/tile"
        fetch key checkpoint
        if [ -n "${KEY:-}" ]; then printf '%s\n' "$KEY" >"$log/key"; fi
        mapfile -t tiles < <("$work/verify" -list "$log")
        wait $!
        if [ ${#tiles[@]} -gt 0 ]; then fetch "${tiles[@]}"; fi
        "$work/verify" "$log"
        mkdir -p "$log/earlier"
        cp "$log/checkpoint" "$log/earlier/$(sed -n 2p "$log/checkpoint")"
        ;;
    *)
        sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'
        exit 2
        ;;
esac
