# Sourced by the scripts in this folder: builds the local system and the command line in one build, because
# cargo chooses other features of shared dependencies for each set of packages, and builds them again. With
# BUILT=1, as in .ci/run, they are built already.
[ -n "${BUILT:-}" ] || cargo build --quiet -p local -p cli --bins --examples
