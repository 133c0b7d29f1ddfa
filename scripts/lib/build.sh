# shellcheck shell=bash
# Build trees: build/release, build/asan, build/tsan, and build/fuzz: the fuzzers and what they
# reach. Each is configured with clang++-19 by name:
# the system's default compiler miscompiles coroutines (docs/decisions/0001-compiler.md).

# As many jobs as there are cores, and no more than the memory carries.
build_jobs() {
  local cores memory_kb by_memory
  cores=$(nproc)
  memory_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  by_memory=$((memory_kb / 1500000))
  ((by_memory >= 1)) || by_memory=1
  printf '%s\n' $((cores < by_memory ? cores : by_memory))
}

# build_tree release|asan|tsan|fuzz [TARGET...]
build_tree() {
  local tree=$1 options
  shift
  options=(-G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=RelWithDebInfo)
  if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  case $tree in
    release) options+=(-DMILLRACE_TESTS=OFF -DMILLRACE_SANITIZE=) ;;
    asan) options+=(-DMILLRACE_TESTS=ON "-DMILLRACE_SANITIZE=address,undefined") ;;
    tsan) options+=(-DMILLRACE_TESTS=ON -DMILLRACE_SANITIZE=thread) ;;
    fuzz) options+=(-DMILLRACE_TESTS=OFF -DMILLRACE_FUZZ=ON "-DMILLRACE_SANITIZE=address,undefined") ;;
    *) die "no build tree is called $tree" ;;
  esac
  # Clones share what one of them compiled: a clean clone builds in seconds. The price is that
  # debug information may name the clone that compiled first.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  command -v clang++-19 >/dev/null || die "clang++-19 is not installed; scripts/setup installs it"
  mkdir -p build
  # Two scripts at once take turns instead of writing over each other.
  (
    flock 9
    configure_and_build "$tree" "$@"
  ) 9>"build/$tree.lock"
}

# Reads the caller's options.
configure_and_build() {
  local tree=$1 folder=build/$1 started=$SECONDS
  shift
  if [[ ! -f $folder/build.ninja || $(cat "$folder/configured-with" 2>/dev/null) != "${options[*]}" ]]; then
    say "configuring $folder"
    logged "build/$tree-configure.log" cmake -S . -B "$folder" "${options[@]}" || return 1
    printf '%s\n' "${options[*]}" >"$folder/configured-with"
  fi
  say "building $folder"
  logged "build/$tree-build.log" ninja -C "$folder" -j "$(build_jobs)" "$@" || return 1
  say "built $folder in $((SECONDS - started)) s"
}
