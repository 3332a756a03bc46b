#!/bin/sh
# compile_cached.sh ROOT LAUNCHER COMPILER...: how all targets are compiled where there is a compiler
# launcher (ccache): with what ccache must be told, whoever runs the build.
#
# Paths below ROOT, the project's folder, are no part of ccache's keys: another clone of the same sources
# hits. What #define and __TIME__ do to a precompiled header is not ccache's concern; otherwise it would
# take no file that has one.
#
# A precompiled header is another matter. gcc tells its parts apart by size and checksum, comments
# included, so that one which is cached by its preprocessed text, without comments, does not fit the headers
# after a change of a comment: they would be read a second time ("redefinition of ..."). Depend mode keys it by
# the headers themselves. And gcc reads the last build's .gch in place of the headers: so it goes first.
root=$1
shift
previous=
header=
for argument; do
  case $previous$argument in
    -xc++-header) header=1 ;;
    -o*.gch) output=$argument ;;
  esac
  previous=$argument
done
if [ -n "$header" ]; then
  rm -f "$output"
  # A namespace of its own: older caches hold headers by the old key.
  export CCACHE_DEPEND=1 CCACHE_NAMESPACE=precompiled
fi
CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros exec "$@"
