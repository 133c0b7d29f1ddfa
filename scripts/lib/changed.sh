# shellcheck shell=bash

# changed_files EXTENSION...: files that differ from where this work left main, committed or not.
# On main itself (continuous integration builds such a clone): what the last commit changed.
changed_files() {
  local head base
  if ! head=$(git rev-parse --quiet --verify HEAD 2>/dev/null); then
    project_files "$@"  # no commit yet, or no repository: all of it is the change
    return
  fi
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [[ -z $base || $base == "$head" ]]; then
    base=$(git rev-parse --quiet --verify HEAD~1 2>/dev/null || git hash-object -t tree /dev/null)
  fi
  local known
  known=$(project_files "$@")
  {
    git diff --name-only --diff-filter=d "$base"
    git ls-files --others --exclude-standard
  } | sort -u | grep -Fx -f <(printf '%s\n' "$known") || true
}
