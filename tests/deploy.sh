#!/usr/bin/env bash
# Rehearses the deployment: `sam deploy` of the whole template.yaml except Rollout, with the release binaries,
# on MiniStack, which emulates AWS's interfaces on this machine and enforces IAM; then the product's main job
# with the deployed stack, and the permitted calls of each function's role. Stops at the first mismatch.
#
#   tests/deploy.sh             builds what is not built (a first release build takes 10 to 20 minutes) and rehearses
#   tests/deploy.sh --no-build  takes the zips of the last build
#   PROFILE=debug tests/deploy.sh   the same with debug programs: quicker to build, not what is shipped
#
# It needs Rust, a C compiler and Python 3.11 with venv, and listens on 127.0.0.1 only. It installs the rest
# itself, in two environments because their pins exclude each other:
#
#   pip install ministack==1.5.33 aws-sam-translator==1.115.0 cryptography==50.0.2 cargo-lambda==1.9.2 ziglang==0.17.1
#   pip install aws-sam-cli==1.170.0
#
# Not shown by the rehearsal, and so not yet shown on AWS:
# - arm64: the binaries are built for this machine, and their architecture is not compared with the template's.
# - the import of SAM's OpenAPI document of the routes: MiniStack skips it, and stack.py creates the same
# routes, integrations and authorizers from it one by one.
# - throttling of the API and of DynamoDB, the account's concurrency, MaximumConcurrency of the queue.
# - rights to PartiQL statements (every event is recorded by one): MiniStack asks the policies for `ExecuteStatement`,
#   `BatchExecuteStatement` and `ExecuteTransaction`, where AWS asks for each statement's verb. The rehearsal gives all
#   roles these three; tests/policies.sh holds the roles to the statements and attributes they may name.
# - that PartiQL statements write to the table's stream: MiniStack does not do it, so mended_ministack.py adds it.
# - which attributes a write names, and which keys a call: MiniStack shows them to no policy, so a role is asked for
#   the table alone.
# - redelivery of a part of a stream batch, its window, its bisection and its retries: MiniStack treats every
# answered batch as handled.
# - rights on the stream: MiniStack reads it without the role's rights, and names no stream to the policies when
# a caller asks for it with them.
# - the hour between two rounds of the sealer's search: the sealer is invoked with the schedule's input.
# - the policies of the queues, and the permissions of API Gateway to invoke: only the policies of users and
# roles are enforced.
# - alarms: they are created, but no metric is measured, and no metric filter counts.
# - log levels, access logs, log retention; point-in-time recovery, encryption, TTL.
# - EventBridge's retries and dead letters: its target never fails.
# - the gradual switch to a new version, and its rollback on an alarm: MiniStack has no CodeDeploy, so the stack
# is deployed with AllAtOnce as the default of Rollout. The rehearsal shows that all callers use the alias.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${CARGO_TARGET_DIR:-$PWD/target}/deploy
venv() { # venv NAME PACKAGE…
    local name=$1
    shift
    [ -x "$work/$name/bin/python" ] || python3 -m venv "$work/$name"
    "$work/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
}
venv ministack ministack==1.5.33 aws-sam-translator==1.115.0 cryptography==50.0.2 cargo-lambda==1.9.2 ziglang==0.17.1
venv sam aws-sam-cli==1.170.0

# In a directory of its own, so that it cannot be mistaken for the build for AWS.
stage=$work/stage
mkdir -p "$stage"
# MiniStack has no CodeDeploy, and transforms a template with the defaults of its parameters only.
sed -e 's/^    Default: Canary10Percent5Minutes$/    Default: AllAtOnce/' \
    -e 's/Action: \[xray:PutTraceSegments, /&dynamodb:ExecuteStatement, dynamodb:BatchExecuteStatement, dynamodb:ExecuteTransaction, /' \
    template.yaml >"$stage/template.yaml"
if [ "${1:-}" != --no-build ]; then
    case ${PROFILE:-release} in
        release)
            PATH="$work/ministack/bin:$PATH" nice cargo lambda build --release --output-format zip \
                --lambda-dir "$stage/target/lambda"
            ;;
        debug)
            cargo build
            for folder in functions/*; do
                function=${folder#functions/}
                mkdir -p "$stage/target/lambda/$function"
                strip -o "$stage/target/lambda/$function/bootstrap" "${CARGO_TARGET_DIR:-target}/debug/$function"
                (cd "$stage/target/lambda/$function" && rm -f bootstrap.zip && python3 -m zipfile -c bootstrap.zip bootstrap)
            done
            ;;
        *)
            echo "PROFILE is release or debug" >&2
            exit 2
            ;;
    esac
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$work/ministack/bin/python" tests/deploy/rehearse.py --stage "$stage" --sam "$work/sam/bin/sam"
