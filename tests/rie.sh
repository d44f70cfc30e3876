#!/usr/bin/env bash
# Replays every file of events/ with the shipped programs, each under AWS's own runtime interface emulator, and
# compares the answers and the tables with the snapshots of tests/tests/replay.rs. Stops at the first
# difference.
#
#   tests/rie.sh                  builds what is not built (a first release build takes 10 to 20 minutes) and replays
#   PROFILE=debug tests/rie.sh    the same with debug programs: quicker to build, not what is shipped
#
# It needs Linux, Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the
# rest itself under the target directory; the emulator is part of aws-sam-cli:
#
#   pip install aws-sam-cli==1.170.0 cargo-lambda==1.9.2 ziglang==0.17.1
#
# The environment is the one of tests/deploy.sh, so that both share one build: the path of cargo-lambda is part
# of the linker's, and cargo builds everything again for another linker.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/rie
functions=(archiver authorizer deliver expiry ingest-api ingest-bus ledger query redactions sealer settings streams tokens viewer)

venv() { # venv NAME PACKAGE…
    local name=$1
    shift
    [ -x "$target/deploy/$name/bin/python" ] || python3 -m venv "$target/deploy/$name"
    "$target/deploy/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
}
venv sam aws-sam-cli==1.170.0
venv ministack cargo-lambda==1.9.2 ziglang==0.17.1
python=$target/deploy/sam/bin/python
case $(uname -m) in
    aarch64 | arm64) rie=aws-lambda-rie-arm64 ;;
    *) rie=aws-lambda-rie-x86_64 ;;
esac
rie=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/samcli/local/rapid/$rie

case ${PROFILE:-release} in
    release)
        # For this machine, and in a directory of its own, so that it cannot be mistaken for the build for AWS.
        PATH="$target/deploy/ministack/bin:$PATH" nice cargo lambda build --release --lambda-dir "$work/lambda"
        program() { echo "$work/lambda/$1/bootstrap"; }
        ;;
    debug)
        cargo build "${functions[@]/#/--package=}"
        program() { echo "$target/debug/$1"; }
        ;;
    *)
        echo "PROFILE is release or debug" >&2
        exit 2
        ;;
esac
cargo build -p local
cargo test -p tests --test replay --no-run

running=()
stop() {
    [ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
    wait
}
trap stop EXIT

# until_there SECONDS WHAT COMMAND…: waits until the command succeeds.
until_there() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" 2>/dev/null; do
        if [ $SECONDS -ge $deadline ]; then
            echo "$what does not answer; see $work/*.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}
listening() { (: <"/dev/tcp/127.0.0.1/$1"); }

mkdir -p "$work"
rm -f "$work"/*.log "$work/engine"
"$target/debug/local" dynamodb --port 0 --ready-file "$work/engine" >"$work/engine.log" 2>&1 &
running+=($!)
until_there 30 "the engine" test -s "$work/engine"
engine=$(<"$work/engine")

# The seed of the key that signs checkpoints: the same as in tests/tests/replay.rs.
"$python" -c 'import base64; print(base64.b64encode(bytes([7] * 32)).decode())' >"$work/ledger.key"
# The one that the samples' statement names.
"$python" -c 'import base64; print(base64.b64encode(bytes([0x6c] * 32)).decode())' >"$work/service.key"

# Two ports for each function: one to invoke it, and one for the emulator.
read -ra ports < <("$python" -c '
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[socket.getsockname()[1] for socket in sockets])' $((2 * ${#functions[@]})))

endpoints=
for index in "${!functions[@]}"; do
    function=${functions[$index]} invoke=${ports[$((2 * index))]} api=${ports[$((2 * index + 1))]}
    # A port without a server: no file archives.
    bucket=()
    [ "$function" != archiver ] || bucket=(ARCHIVE_BUCKET=archive AWS_ENDPOINT_URL_S3=http://127.0.0.1:9)
    # The variables that Lambda and the template set.
    env -i "${bucket[@]}" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
        AWS_LAMBDA_FUNCTION_NAME="$function" AWS_LAMBDA_LOG_FORMAT=JSON AWS_LAMBDA_LOG_LEVEL=INFO \
        EVENTS_TABLE=AuditEvents TOKENS_TABLE=AuditTokens QUARANTINE_TABLE=AuditQuarantine \
        LEDGER_TABLE=AuditLedger LEDGER_ORIGIN=audit-logs.local LEDGER_KEY_FILE="$work/ledger.key" \
        CHECKPOINTS_TABLE=AuditCheckpoints SERVICE_KEY_FILE="$work/service.key" \
        AWS_ENDPOINT_URL_DYNAMODB="$engine" \
        STREAM_EVENT_BUSES=arn:aws:events:us-east-1:123456789012:event-bus/security \
        "$rie" --runtime-interface-emulator-address "127.0.0.1:$invoke" \
        --runtime-api-address "127.0.0.1:$api" "$(program "$function")" >"$work/$function.log" 2>&1 &
    running+=($!)
    until_there 10 "the emulator of $function" listening "$invoke"
    endpoints+=${endpoints:+,}$function=http://127.0.0.1:$invoke/2015-03-31/functions/function/invocations
done

REPLAY_ENDPOINTS=$endpoints REPLAY_DYNAMODB=$engine INSTA_UPDATE=no \
    cargo test -p tests --test replay every_event_file

for function in "${functions[@]}"; do
    echo "$function: $(grep -c '^END RequestId' "$work/$function.log") invocations"
done
