# Sourced by the scripts in this folder: starts the local system on any free port until the script ends; in
# memory, unless local_options says otherwise. Needs $target and $work; sets $ready, the file with its
# credentials. The sourcing script has `set -e`.
[ -n "${local_options+set}" ] || local_options=(--memory)
. tests/programs.sh
ready=$work/ready.json
rm -f "$ready"
RUST_LOG=error "$target/debug/local" "${local_options[@]}" --port 0 --ready-file "$ready" >"$work/local.log" 2>&1 &
local=$!
trap 'kill "$local" 2>/dev/null || true; wait "$local" 2>/dev/null || true; rm -f "$ready"' EXIT
for _ in $(seq 300); do
    [ -s "$ready" ] && break
    kill -0 "$local" 2>/dev/null || break
    sleep 0.1
done
[ -s "$ready" ] || { cat "$work/local.log"; echo "the local system did not start"; exit 1; }
