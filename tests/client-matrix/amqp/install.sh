# shellcheck shell=bash
# How the AMQP clients come to be; sourced by ../run.
programs=(java python go node c)

install_java() { build_java clientmatrix.Main && called java "${java_program[@]}"; }

install_python() {
  build_python || return 1
  called aio-pika "$python" "$here/amqp/python/with_aio_pika.py"
  called celery "$python" "$here/amqp/python/with_celery.py"
}

install_go() { build_go && called amqp091-go "$go_program"; }

install_node() { build_node && called amqplib "${node_program[@]}"; }

install_c() {
  local has
  has_librabbitmq() { pkg-config --exists librabbitmq zlib && command -v cc >/dev/null; }
  has_librabbitmq || from_debian has_librabbitmq client-c || return 1
  has=$(pkg-config --modversion librabbitmq)
  if [[ $has != "$(pinned librabbitmq)" ]]; then
    echo "librabbitmq is $has, not $(pinned librabbitmq)" >&2
    return 1
  fi
  if changed c "$(cc --version) $has"; then
    mkdir -p "$cache/amqp/c" &&
      # shellcheck disable=SC2046
      cc -O1 -Wall -Wextra -Werror -o "$cache/amqp/c/client" "$here"/amqp/c/*.c \
        $(pkg-config --cflags --libs librabbitmq zlib) || return 1
    installed c
  fi
  called librabbitmq "$cache/amqp/c/client"
}
