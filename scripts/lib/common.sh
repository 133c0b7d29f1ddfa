# shellcheck shell=bash
# What the scripts share; sourced first by each of them. Afterwards the working directory is the
# repository's root, and any command that fails ends the script.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

say() { printf 'millrace: %s\n' "$*"; }

die() {
  printf 'millrace: %s\n' "$@" >&2
  exit 1
}

# logged LOG COMMAND...: runs the command with all its output in LOG. Long work shows its latest
# line from time to time; failed work shows its last ones and gives its status back.
logged() {
  local log=$1 heart status=0
  shift
  mkdir -p "$(dirname "$log")"
  : >"$log"
  heartbeat "$log" $$ &
  heart=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$heart" 2>/dev/null || true
  wait "$heart" 2>/dev/null || true
  if ((status != 0)); then
    tail -n "${LOGGED_TAIL:-40}" "$log" | sed 's/^/  | /'
    say "failed with status $status; all of its output: ${log#"$root"/}"
  fi
  return "$status"
}

heartbeat() {
  # The sleep outlives a kill of this function: it must hold neither the script's output nor the
  # lock of a build tree (descriptor 9, build.sh).
  while sleep 20 >/dev/null 2>&1 9>&- && kill -0 "$2" 2>/dev/null; do
    printf '  ... %s\n' "$(tail -n 1 "$1" | tr -d '\r' | cut -c 1-110)"
  done
}

# Source files under version control or about to be; works in an unpacked archive too.
# project_files EXTENSION...
project_files() {
  local patterns=() names=() extension
  for extension in "$@"; do
    patterns+=("*.$extension")
    names+=(-o -name "*.$extension")
  done
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard --deduplicate -- "${patterns[@]}" |
      while IFS= read -r file; do
        if [[ -f $file ]]; then printf '%s\n' "$file"; fi
      done
  else
    find src tests -type f \( "${names[@]:1}" \) | sort
  fi
}
