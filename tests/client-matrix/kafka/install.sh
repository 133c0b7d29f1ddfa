# shellcheck shell=bash
# How the Kafka clients come to be; sourced by ../run.
programs=(java streams python go node)

install_java() { build_java clientmatrix.Main && called java "${java_program[@]}"; }

install_streams() {
  need_java || return 1
  local lib=$cache/kafka/streams/lib classes=$cache/kafka/streams/classes shared=$here/kafka/java/src/main/java/clientmatrix
  local sources=("$here"/shared/*.java "$shared"/{Cell,Deadline}.java "$here"/kafka/streams/src/main/java/clientmatrix/*.java)
  if changed streams "$(javac -version 2>&1) $(cat "${sources[@]}" | sha256sum)"; then
    rm -rf "$cache/kafka/streams" && mkdir -p "$classes" &&
      mvn --quiet --batch-mode --file "$here/kafka/streams/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$lib" &&
      javac -d "$classes" -cp "$lib/*" "${sources[@]}" || return 1
    installed streams
  fi
  called kafka-streams "${small_java[@]}" -cp "$classes:$lib/*" clientmatrix.Streams
}

install_python() {
  build_python || return 1
  called kafka-python "$python" "$here/kafka/python/with_kafka_python.py"
  called aiokafka "$python" "$here/kafka/python/with_aiokafka.py"
}

install_go() { build_go && called franz-go "$go_program"; }

install_node() { build_node && called kafkajs env KAFKAJS_NO_PARTITIONER_WARNING=1 "${node_program[@]}"; }
