// Exchanges, bindings, queues of the server's naming, refusals; what keeps a connection.
#include <stdio.h>
#include <sys/time.h>

#include "scenarios.h"

static void send_keys(connection_t connection, amqp_bytes_t exchange, const char* const* keys) {
  for (; *keys; keys++) publish_to(connection, exchange, text(*keys), persistent(), text(*keys));
}

void run_topic(const cell_t* cell) {
  static const char* const kFirst[] = {"quick.orange.rabbit",
                                       "lazy.orange.elephant",
                                       "quick.brown.fox",
                                       "lazy",
                                       "lazy.pink.rabbit",
                                       "rabbit",
                                       NULL};
  static const char* const kThen[] = {"lazy.fox", "tame.rabbit", NULL};
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_bytes_t exchange = joined(cell, "-topic");
  amqp_bytes_t behind = joined(cell, "-behind");
  amqp_bytes_t orange = joined(cell, "-orange");
  amqp_bytes_t rabbits = joined(cell, "-rabbits");
  amqp_bytes_t everything = joined(cell, "-everything");
  declare_exchange(connection, exchange, "topic");
  declare_exchange(connection, behind, "fanout");
  amqp_exchange_bind(connection, CHANNEL, behind, exchange, text("#"), amqp_empty_table);
  declare(connection, orange, TRANSIENT, amqp_empty_table);
  declare(connection, rabbits, TRANSIENT, amqp_empty_table);
  declare(connection, everything, TRANSIENT, amqp_empty_table);
  bind(connection, orange, exchange, "*.orange.*", amqp_empty_table);
  bind(connection, rabbits, exchange, "#.rabbit", amqp_empty_table);
  bind(connection, rabbits, exchange, "lazy.#", amqp_empty_table);
  bind(connection, everything, behind, "", amqp_empty_table);
  send_keys(connection, exchange, kFirst);
  fputs("{\"orange\":", stdout);
  print_taken(connection, orange);
  fputs(",\"rabbits\":", stdout);
  print_taken(connection, rabbits);
  fputs(",\"everything\":", stdout);
  print_taken(connection, everything);
  amqp_queue_unbind(connection, CHANNEL, rabbits, exchange, text("lazy.#"), amqp_empty_table);
  send_keys(connection, exchange, kThen);
  fputs(",\"unbound\":", stdout);
  print_taken(connection, rabbits);
  putchar('}');
  disconnect(connection);
}

void run_headers(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_bytes_t exchange = joined(cell, "-headers");
  amqp_bytes_t all = joined(cell, "-all");
  amqp_bytes_t any = joined(cell, "-any");
  declare_exchange(connection, exchange, "headers");
  declare(connection, all, TRANSIENT, amqp_empty_table);
  declare(connection, any, TRANSIENT, amqp_empty_table);
  amqp_table_entry_t wanted[] = {
      text_entry("x-match", text("all")),
      text_entry("format", text("pdf")),
      number_entry("pages", 3),
  };
  bind(connection, all, exchange, "", table(3, wanted));
  wanted[0] = text_entry("x-match", text("any"));
  bind(connection, any, exchange, "", table(3, wanted));
  const struct {
    const char *body, *format, *colour;
    int pages;
  } messages[] = {
      {"both", "pdf", NULL, 3},  {"more", "pdf", "red", 3}, {"pdf", "pdf", NULL, 0},
      {"pages", "zip", NULL, 3}, {"none", "zip", NULL, 4},
  };
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    amqp_table_entry_t marks[3] = {text_entry("format", text(messages[i].format))};
    int count = 1;
    if (messages[i].pages) marks[count++] = number_entry("pages", messages[i].pages);
    if (messages[i].colour) marks[count++] = text_entry("colour", text(messages[i].colour));
    amqp_basic_properties_t properties = persistent();
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = table(count, marks);
    publish_to(connection, exchange, amqp_empty_bytes, properties, text(messages[i].body));
  }
  fputs("{\"all\":", stdout);
  print_taken(connection, all);
  fputs(",\"any\":", stdout);
  print_taken(connection, any);
  putchar('}');
  disconnect(connection);
}

static refusal_t look(connection_t connection, amqp_bytes_t queue) {
  amqp_queue_declare(connection, CHANNEL, queue, true, false, false, false, amqp_empty_table);
  return refusal(connection);
}

void run_server_named(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_queue_declare_ok_t* named = amqp_queue_declare(connection, CHANNEL, amqp_empty_bytes, false,
                                                      false, true, true, amqp_empty_table);
  amqp_bytes_t queue = amqp_bytes_malloc_dup(named->queue);
  connection_t other = connect_to(cell, HEARTBEAT_OFF);
  int locked = look(other, queue).code;
  disconnect(other);
  consume(connection, queue, "the-consumer", true);
  publish_to(connection, amqp_empty_bytes, queue, persistent(), text("hello"));
  amqp_envelope_t envelope = next(connection);
  amqp_basic_cancel(connection, CHANNEL, text("the-consumer"));
  fputs("{\"queue\":", stdout);
  print_text(queue);
  fputs(",\"body\":", stdout);
  print_text(envelope.message.body);
  printf(",\"other\":%d,\"after\":%d}", locked, look(connection, queue).code);
  disconnect(connection);
}

static void print_refusal(refusal_t told) {
  printf("[%d,", told.code);
  print_text(told.text);
  putchar(']');
}

void run_channel_error(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_bytes_t queue = text(cell->name);
  declare(connection, queue, DURABLE, amqp_empty_table);
  fputs("{\"missing\":", stdout);
  print_refusal(look(connection, joined(cell, "-missing")));
  amqp_queue_declare(connection, CHANNEL, queue, false, false, false, false, amqp_empty_table);
  fputs(",\"differs\":", stdout);
  print_refusal(refusal(connection));
  amqp_confirm_select(connection, CHANNEL);
  send_text(connection, queue, "alive");
  await_confirms(connection, 1);
  fputs(",\"body\":", stdout);
  print_text(get(connection, queue, true).message.body);
  putchar('}');
  disconnect(connection);
}

void run_heartbeat(const cell_t* cell) {
  connection_t connection = connect_to(cell, 1);
  int negotiated = amqp_get_heartbeat(connection);
  struct timeval silence = {.tv_sec = 3, .tv_usec = 500000};  // is what is tested
  amqp_frame_t frame;
  int status = amqp_simple_wait_frame_noblock(connection, &frame, &silence);
  if (status != AMQP_STATUS_TIMEOUT) fail(amqp_error_string2(status));
  declare(connection, text(cell->name), EXCLUSIVE, amqp_empty_table);
  printf("{\"negotiated\":%d,\"alive\":true}", negotiated);
  disconnect(connection);
}
