#!/bin/sh
# compile_cached.sh ROOT LAUNCHER COMPILER...: how all targets are compiled where there is a compiler
# launcher (ccache): with what ccache must be told, whoever runs the build.
#
# Paths below ROOT, the project's folder, are no part of ccache's keys: another clone of the same sources
# hits. What #define and __TIME__ do to a precompiled header is not ccache's concern; otherwise it would
# take no file that has one. And gcc, asked for the preprocessed text that a precompiled header is cached
# by, reads the last build's .gch in place of the headers: it would be found again. So it goes first.
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
[ -z "$header" ] || rm -f "$output"
CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros exec "$@"
