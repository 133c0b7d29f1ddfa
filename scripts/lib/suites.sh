# shellcheck shell=bash
# The bookkeeping of scripts/test: suites are functions that set `passed` and `failed`; every
# finished one is a row of the closing table.

logs=build/test-logs
rows=()
total_passed=0 total_failed=0 total_skipped=0
declare -A broken=()  # build trees that did not build

# wanted NAME: whether --only asks for this suite.
wanted() { [[ -z $only || $1 == *"$only"* ]]; }

# wanted_programs GROUP: the unit test programs that --only asks for, by the names of their targets.
wanted_programs() {
  local folder name
  find src -name '*_test.cc' -printf '%h\n' | sort -u | while IFS= read -r folder; do
    name=${folder#src/}
    name=${name//\//_}
    if wanted "$1/$name"; then printf 'test_millrace_%s\n' "$name"; fi
  done
}

# add_row NAME PASSED FAILED SECONDS
add_row() {
  rows+=("$(printf '%-28s %7d %7d %9s' "$@")")
  total_passed=$((total_passed + $2))
  total_failed=$((total_failed + $3))
}

# run_suite NAME FUNCTION [ARGUMENT...]: the function reads $log, sets passed and failed.
run_suite() {
  local name=$1 log=$logs/${1//\//_}.log started=$SECONDS passed=0 failed=0
  shift
  wanted "$name" || return 0
  say "suite $name"
  "$@"
  add_row "$name" "$passed" "$failed" $((SECONDS - started))
}

# need_tree TREE [TARGET...]: builds it, unless it failed before; a tree that does not build is one
# failed row, and false.
need_tree() {
  local tree=$1 started=$SECONDS
  [[ -z ${broken[$tree]:-} ]] || return 1
  if ! build_tree "$@"; then
    broken[$tree]=yes
    add_row "build/$tree" 0 1 $((SECONDS - started))
    return 1
  fi
}

# A suite that is one check: it passes or it does not.
# one_check COMMAND...
one_check() {
  if logged "$log" "$@"; then passed=1; else failed=1; fi
}

# A suite that counts for itself and says so in its last line, "N passed, N failed".
# counting_suite COMMAND...
counting_suite() {
  local status=0 line
  logged "$log" "$@" || status=$?
  line=$(grep -Eo '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
  if [[ -n $line ]]; then
    passed=${line%% *}
    failed=${line#*, }
    failed=${failed%% *}
  fi
  # Whatever was counted: ending badly, or without a test, is a failure.
  if ((failed == 0 && (status != 0 || passed == 0))); then failed=1; fi
}

# unit_suites GROUP TREE: builds and runs its test programs, two at a time, a row for each.
unit_suites() {
  local group=$1 tree=$2 programs program counts
  mapfile -t programs < <(wanted_programs "$group")
  if ((${#programs[@]} == 0)); then
    [[ -n $only ]] || add_row "$group" 0 1 0  # no test program at all is no success
    return 0
  fi
  if [[ -n $only ]]; then
    need_tree "$tree" "${programs[@]}" || return 0
  else
    need_tree "$tree" || return 0
  fi
  say "suite $group: ${#programs[@]} programs"
  mkdir -p "$logs/$group"
  printf '%s\0' "${programs[@]/#/build/$tree/tests/}" |
    xargs -0 -P 2 -I '{}' scripts/lib/unit-one '{}' "$logs/$group" || true
  for program in "${programs[@]}"; do
    read -r -a counts <"$logs/$group/$program.counts" || counts=(0 1 0 0)
    add_row "$group/${program#test_millrace_}" "${counts[0]}" "${counts[1]}" "${counts[3]}"
    total_skipped=$((total_skipped + counts[2]))
    if ((counts[1] > 0)); then show_unit_failure "$logs/$group/$program.log"; fi
  done
}

# fuzz_suites SECONDS: builds and runs each src/**/NAME_fuzz.cc, two at a time, a row for each.
fuzz_suites() {
  local seconds=$1 names=() name counts
  while IFS= read -r name; do
    if wanted "fuzz/$name"; then names+=("$name"); fi
  done < <(find src -name '*_fuzz.cc' -printf '%f\n' | sed 's/_fuzz\.cc$//' | sort)
  if ((${#names[@]} == 0)); then
    [[ -n $only ]] || add_row fuzz 0 1 0
    return 0
  fi
  need_tree fuzz "${names[@]/#/fuzz_}" || return 0
  say "suite fuzz: ${#names[@]} fuzzers, $seconds s each"
  mkdir -p "$logs/fuzz"
  printf '%s\0' "${names[@]/#/build/fuzz/fuzz/}" |
    xargs -0 -P 2 -I '{}' scripts/lib/fuzz-one '{}' "$seconds" "$logs/fuzz" || true
  for name in "${names[@]}"; do
    read -r -a counts <"$logs/fuzz/$name.counts" || counts=(0 1 0 0)
    add_row "fuzz/$name" "${counts[0]}" "${counts[1]}" "${counts[3]}"
    if ((counts[1] > 0)); then show_unit_failure "$logs/fuzz/$name.log"; fi
  done
}

# What the failed tests say, what a sanitizer says, and the end.
show_unit_failure() {
  printf '  | %s\n' "--- $1"
  { grep -E -A 14 ': Failure$|ERROR: |runtime error: |^assertion|WARNING: ThreadSan' "$1" | head -n 80; tail -n 5 "$1"; } 2>/dev/null | sed 's/^/  | /'
}

summary() {
  printf '\n%-28s %7s %7s %9s\n' suite passed failed seconds
  ((${#rows[@]} == 0)) || printf '%s\n' "${rows[@]}"
  if ((total_passed + total_failed == 0)); then
    say "no test ran${only:+: no suite is called *$only*}" >&2
  fi
  ((total_skipped == 0)) || say "$total_skipped unit tests skipped themselves"
  printf '\n%d passed, %d failed\n' "$total_passed" "$total_failed"
  ((total_failed == 0 && total_passed > 0))
}
