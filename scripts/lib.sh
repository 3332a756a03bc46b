# Sourced by the scripts beside it: where things are, and `step`, which runs a command, says so while
# it runs, keeps its output in a log and shows the log's end when it fails.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=${ONNXPORT_DEPS:-$root/.deps}
mkdir -p "$deps/logs" "$deps/stamps"
deps=$(cd "$deps" && pwd)
logs=$deps/logs
venv=$deps/venv
python=$venv/bin/python
jobs=$(nproc 2>/dev/null || echo 2)
export ONNXPORT_DEPS=$deps
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONPATH=

if [ -t 1 ]; then terminal=1; else terminal=; fi

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# step "what is done" log-name command...
step() {
  local title=$1 log=$logs/$2.log start=$SECONDS last shown=$SECONDS
  shift 2
  if [ -n "$terminal" ]; then printf '  … %s' "$title"; else printf '  … %s\n' "$title"; fi
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$!
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  local ticks=0
  while kill -0 "$pid" 2>/dev/null; do
    # Short steps end soon: look often at first, then once a second.
    if [ $ticks -lt 20 ]; then sleep 0.1; else sleep 1; fi
    ticks=$((ticks + 1))
    if [ -n "$terminal" ]; then
      last=$(tail -c 300 "$log" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c1-60)
      printf '\r\033[K  … %s (%ds) %s' "$title" $((SECONDS - start)) "$last"
    elif [ $((SECONDS - shown)) -ge 60 ]; then
      shown=$SECONDS
      printf '    %s: %ds so far\n' "$title" $((SECONDS - start))
    fi
  done
  local code=0
  wait "$pid" || code=$?
  trap - INT TERM
  [ -z "$terminal" ] || printf '\r\033[K'
  if [ $code -ne 0 ]; then
    say "  ✗ $title: failed after $((SECONDS - start)) s (exit $code). The end of $log:"
    tail -n 40 "$log" | sed 's/^/    /'
    return $code
  fi
  say "  ✓ $title ($((SECONDS - start)) s)"
}

# stamped NAME KEY: true when the stamp NAME says KEY, so that the step need not run again.
stamped() { [ -f "$deps/stamps/$1" ] && [ "$(cat "$deps/stamps/$1")" = "$2" ]; }
stamp() { printf '%s' "$2" >"$deps/stamps/$1"; }
