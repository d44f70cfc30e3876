# For the scripts beside it to source: builds the local system and the command line, in one build for all of them, because
# for other packages cargo chooses other features of what they share, and builds that anew. With PROGRAMS=built, as
# .ci/run has it, they are there.
[ "${PROGRAMS:-}" = built ] || cargo build --quiet -p local -p cli --bins --examples
