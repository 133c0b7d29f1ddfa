# shellcheck shell=bash
# Builds the programs of a protocol, one folder for each language, in the cache: what the install.sh
# of the protocols is made of. Sourced by ./run, which sets `here`, `cache` and `protocol`.

# called CLIENT COMMAND...: how the cells of this client are run.
called() {
  local client=${1//-/_}
  shift
  export "CLIENT_MATRIX_${client^^}=$(printf '%q ' "$@")"
}

# changed FOLDER TOOL-VERSION: whether it must be installed anew; then `installed FOLDER`.
changed() {
  stamp="$2 $(find "$here/$protocol/$1" -type f -print0 | sort -z | xargs -0 sha256sum | sed "s|$here/||")"
  [[ $(cat "$cache/$protocol/$1.installed" 2>/dev/null) != "$stamp" ]]
}
installed() { printf '%s\n' "$stamp" >"$cache/$protocol/$1.installed"; }

# build_java MAIN: from java/ with the library of its pom.xml; sets java_program.
build_java() {
  local classes=$cache/$protocol/java/classes
  need_java_library "$protocol" || return 1
  if changed java "$(javac -version 2>&1) $(cat "$here"/shared/*.java | sha256sum)"; then
    rm -rf "$classes" && mkdir -p "$classes" &&
      javac -d "$classes" -cp "$java_library/*" "$here"/shared/*.java \
        "$here/$protocol"/java/src/main/java/*/*.java || return 1
    installed java
  fi
  java_program=("${small_java[@]}" -cp "$classes:$java_library/*" "$1")
}

# build_python: a virtual environment with python/requirements.txt; sets python.
build_python() {
  need_venv "$protocol/python-venv" -r "$here/$protocol/python/requirements.txt" || return 1
  python=$cache/$protocol/python-venv/bin/python
}

# build_go: sets go_program.
build_go() {
  need_go || return 1
  go_program=$cache/$protocol/go/client
  if changed go "$(go env GOVERSION)"; then
    # The compiler at hand is the one meant: none is downloaded, and go.mod is not edited.
    GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -C "$here/$protocol/go" -o "$go_program" . || return 1
    installed go
  fi
}

# build_node: the packages of node/package-lock.json; sets node_program.
build_node() {
  local folder=$cache/$protocol/node
  need_node || return 1
  if changed node "$(node --version)"; then
    rm -rf "$folder" && mkdir -p "$folder" &&
      cp "$here/$protocol"/node/package.json "$here/$protocol"/node/package-lock.json "$folder/" &&
      npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund --loglevel=error || return 1
    installed node
  fi
  node_program=(env "NODE_PATH=$folder/node_modules" node "$here/$protocol/node/main.js")
}
