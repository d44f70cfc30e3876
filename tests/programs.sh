# For the scripts beside it to source: builds the local system and the command line, in one build for all of them, because
# for other packages cargo chooses other features of what they share, and builds that anew. With BUILT=1, as .ci/run has
# it, they are there.
[ -n "${BUILT:-}" ] || cargo build --quiet -p local -p cli --bins --examples
