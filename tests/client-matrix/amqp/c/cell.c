#include "cell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static const int kPatienceSeconds = 40;

void fail(const char* what) {
  fprintf(stderr, "failed: %s\n", what);
  exit(1);
}

static void must(amqp_rpc_reply_t reply, const char* what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
    fprintf(stderr, "%s\n", amqp_error_string2(reply.library_error));
  }
  fail(what);
}

static void must_status(int status, const char* what) {
  if (status == AMQP_STATUS_OK) return;
  fprintf(stderr, "%s\n", amqp_error_string2(status));
  fail(what);
}

amqp_bytes_t text(const char* string) { return amqp_cstring_bytes(string); }

amqp_table_t table(int count, amqp_table_entry_t* entries) {
  return (amqp_table_t){.num_entries = count, .entries = entries};
}

connection_t connect_to(const cell_t* cell, int heartbeat_s) {
  connection_t connection = amqp_new_connection();
  amqp_socket_t* socket = amqp_tcp_socket_new(connection);
  must_status(amqp_socket_open(socket, cell->host, cell->port), "connect");
  // What a program that reads basic.cancel frames says for itself.
  amqp_table_entry_t can[] = {
      {text("consumer_cancel_notify"), {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = true}},
  };
  amqp_table_entry_t told[] = {
      {text("capabilities"), {.kind = AMQP_FIELD_KIND_TABLE, .value.table = table(1, can)}},
  };
  const amqp_table_t properties = table(1, told);
  must(amqp_login_with_properties(connection, "/", 0, AMQP_DEFAULT_FRAME_SIZE, heartbeat_s,
                                  &properties, AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
       "login");
  amqp_channel_open(connection, CHANNEL);
  must(amqp_get_rpc_reply(connection), "channel.open");
  struct timeval patience = {.tv_sec = kPatienceSeconds};
  must_status(amqp_set_rpc_timeout(connection, &patience), "patience");
  return connection;
}

connection_t connect_confirming(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_confirm_select(connection, CHANNEL);
  must(amqp_get_rpc_reply(connection), "confirm.select");
  return connection;
}

void disconnect(connection_t connection) {
  must(amqp_channel_close(connection, CHANNEL, AMQP_REPLY_SUCCESS), "channel.close");
  must(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "connection.close");
  must_status(amqp_destroy_connection(connection), "end");
}

amqp_bytes_t joined(const cell_t* cell, const char* suffix) {
  char* whole = malloc(strlen(cell->name) + strlen(suffix) + 1);
  strcat(strcpy(whole, cell->name), suffix);
  return text(whole);
}

amqp_table_entry_t text_entry(const char* key, amqp_bytes_t value) {
  return (amqp_table_entry_t){text(key), {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = value}};
}

amqp_table_entry_t number_entry(const char* key, int value) {
  return (amqp_table_entry_t){text(key), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = value}};
}

void declare(connection_t connection, amqp_bytes_t queue, lifetime_t lifetime,
             amqp_table_t arguments) {
  amqp_queue_declare(connection, CHANNEL, queue, false, lifetime == DURABLE, lifetime == EXCLUSIVE,
                     false, arguments);
  must(amqp_get_rpc_reply(connection), "queue.declare");
}

void declare_exchange(connection_t connection, amqp_bytes_t name, const char* type) {
  amqp_exchange_declare(connection, CHANNEL, name, text(type), false, false, false, false,
                        amqp_empty_table);
  must(amqp_get_rpc_reply(connection), "exchange.declare");
}

void bind(connection_t connection, amqp_bytes_t queue, amqp_bytes_t exchange, const char* key,
          amqp_table_t arguments) {
  amqp_queue_bind(connection, CHANNEL, queue, exchange, text(key), arguments);
  must(amqp_get_rpc_reply(connection), "queue.bind");
}

int ready(connection_t connection, amqp_bytes_t queue) {
  amqp_queue_declare_ok_t* found =
      amqp_queue_declare(connection, CHANNEL, queue, true, false, false, false, amqp_empty_table);
  must(amqp_get_rpc_reply(connection), "passive queue.declare");
  return (int)found->message_count;
}

int left(const cell_t* cell, connection_t connection) {
  disconnect(connection);
  connection_t fresh = connect_to(cell, HEARTBEAT_OFF);
  int count = ready(fresh, text(cell->name));
  disconnect(fresh);
  return count;
}

amqp_basic_properties_t persistent(void) {
  return (amqp_basic_properties_t){._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
}

void publish_to(connection_t connection, amqp_bytes_t exchange, amqp_bytes_t key,
                amqp_basic_properties_t properties, amqp_bytes_t body) {
  must_status(
      amqp_basic_publish(connection, CHANNEL, exchange, key, false, false, &properties, body),
      "basic.publish");
}

void send_text(connection_t connection, amqp_bytes_t queue, const char* body) {
  publish_to(connection, amqp_empty_bytes, queue, persistent(), text(body));
}

void fill(connection_t connection, amqp_bytes_t queue, int count) {
  for (int i = 0; i < count; i++) {
    char body[16];
    snprintf(body, sizeof body, "m-%d", i);
    send_text(connection, queue, body);
  }
}

amqp_frame_t next_method(connection_t connection, amqp_method_number_t wanted) {
  amqp_frame_t frame;
  struct timeval patience = {.tv_sec = kPatienceSeconds};
  must_status(amqp_simple_wait_frame_noblock(connection, &frame, &patience), "a frame");
  if (frame.frame_type != AMQP_FRAME_METHOD) fail("a frame that is no method");
  if (frame.payload.method.id != wanted) fail("another method than was awaited");
  return frame;
}

int await_confirms(connection_t connection, int count) {
  uint64_t seen = 0;  // numbers that an answer has come for; they come in order
  int acknowledged = 0;
  while (seen < (uint64_t)count) {
    amqp_frame_t frame = next_method(connection, AMQP_BASIC_ACK_METHOD);
    amqp_basic_ack_t* one = frame.payload.method.decoded;
    acknowledged += one->multiple ? (int)(one->delivery_tag - seen) : 1;
    seen = one->delivery_tag > seen ? one->delivery_tag : seen;
  }
  return acknowledged;
}

got_t get(connection_t connection, amqp_bytes_t queue, bool no_ack) {
  got_t got = {0};
  amqp_rpc_reply_t reply = amqp_basic_get(connection, CHANNEL, queue, no_ack);
  must(reply, "basic.get");
  if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) return got;
  got.there = true;
  got.told = *(amqp_basic_get_ok_t*)reply.reply.decoded;
  must(amqp_read_message(connection, CHANNEL, &got.message, 0), "the message");
  return got;
}

void consume(connection_t connection, amqp_bytes_t queue, const char* tag, bool no_ack) {
  amqp_basic_consume(connection, CHANNEL, queue, text(tag), false, no_ack, false, amqp_empty_table);
  must(amqp_get_rpc_reply(connection), "basic.consume");
}

amqp_envelope_t next(connection_t connection) {
  amqp_envelope_t envelope;
  struct timeval patience = {.tv_sec = kPatienceSeconds};
  must(amqp_consume_message(connection, &envelope, &patience, 0), "a delivery");
  return envelope;
}

void ack(connection_t connection, uint64_t tag, bool multiple) {
  must_status(amqp_basic_ack(connection, CHANNEL, tag, multiple), "basic.ack");
}

refusal_t refusal(connection_t connection) {
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) fail("no refusal");
  if (reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) fail("a refusal that is no channel.close");
  amqp_channel_close_t* close = reply.reply.decoded;
  refusal_t told = {close->reply_code, amqp_bytes_malloc_dup(close->reply_text)};
  amqp_channel_close_ok_t ok = {0};
  must_status(amqp_send_method(connection, CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok), "close-ok");
  amqp_channel_open(connection, CHANNEL);
  must(amqp_get_rpc_reply(connection), "channel.open again");
  return told;
}

void print_text(amqp_bytes_t value) {
  putchar('"');
  for (size_t i = 0; i < value.len; i++) {
    unsigned char letter = ((unsigned char*)value.bytes)[i];
    if (letter == '"' || letter == '\\') {
      printf("\\%c", letter);
    } else if (letter < ' ') {
      printf("\\u%04x", letter);
    } else {
      putchar(letter);
    }
  }
  putchar('"');
}

static void print_hex(amqp_bytes_t value) {
  putchar('"');
  for (size_t i = 0; i < value.len; i++) printf("%02x", ((unsigned char*)value.bytes)[i]);
  putchar('"');
}

static void print_decimal(amqp_decimal_t value) {
  uint32_t whole = 1;
  for (int i = 0; i < value.decimals; i++) whole *= 10;
  printf("\"%u.%0*u\"", value.value / whole, value.decimals, value.value % whole);
}

static void print_array(const amqp_array_t* value) {
  putchar('[');
  for (int i = 0; i < value->num_entries; i++) {
    if (i > 0) putchar(',');
    print_value(&value->entries[i]);
  }
  putchar(']');
}

// Types are told by the letters of the frame.
void print_table(const amqp_table_t* value, const char* without, bool typed) {
  const char* before = "{";
  for (int i = 0; i < value->num_entries; i++) {
    const amqp_table_entry_t* entry = &value->entries[i];
    if (without && find(value, without) == &entry->value) continue;
    fputs(before, stdout);
    print_text(entry->key);
    putchar(':');
    if (typed) printf("[\"%c\",", entry->value.kind);
    print_value(&entry->value);
    if (typed) putchar(']');
    before = ",";
  }
  fputs(*before == '{' ? "{}" : "}", stdout);
}

void print_value(const amqp_field_value_t* field) {
  switch (field->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
      fputs(field->value.boolean ? "true" : "false", stdout);
      break;
    case AMQP_FIELD_KIND_I8:
      printf("%d", field->value.i8);
      break;
    case AMQP_FIELD_KIND_U8:
      printf("%u", field->value.u8);
      break;
    case AMQP_FIELD_KIND_I16:
      printf("%d", field->value.i16);
      break;
    case AMQP_FIELD_KIND_U16:
      printf("%u", field->value.u16);
      break;
    case AMQP_FIELD_KIND_I32:
      printf("%" PRId32, field->value.i32);
      break;
    case AMQP_FIELD_KIND_U32:
      printf("%" PRIu32, field->value.u32);
      break;
    case AMQP_FIELD_KIND_I64:
      printf("%" PRId64, field->value.i64);
      break;
    case AMQP_FIELD_KIND_TIMESTAMP:
      printf("%" PRIu64, field->value.u64);
      break;
    case AMQP_FIELD_KIND_F32:
      printf("%.9g", (double)field->value.f32);
      break;
    case AMQP_FIELD_KIND_F64:
      printf("%.17g", field->value.f64);
      break;
    case AMQP_FIELD_KIND_DECIMAL:
      print_decimal(field->value.decimal);
      break;
    case AMQP_FIELD_KIND_UTF8:
      print_text(field->value.bytes);
      break;
    case AMQP_FIELD_KIND_BYTES:
      print_hex(field->value.bytes);
      break;
    case AMQP_FIELD_KIND_ARRAY:
      print_array(&field->value.array);
      break;
    case AMQP_FIELD_KIND_TABLE:
      print_table(&field->value.table, NULL, false);
      break;
    case AMQP_FIELD_KIND_VOID:
      fputs("null", stdout);
      break;
    default:
      fail("a value of another kind");
  }
}

const amqp_field_value_t* find(const amqp_table_t* where, const char* key) {
  for (int i = 0; i < where->num_entries; i++) {
    amqp_bytes_t name = where->entries[i].key;
    if (name.len == strlen(key) && memcmp(name.bytes, key, name.len) == 0) {
      return &where->entries[i].value;
    }
  }
  return NULL;
}

void print_taken(connection_t connection, amqp_bytes_t queue) {
  const char* before = "";
  putchar('[');
  for (got_t got; (got = get(connection, queue, true)).there; before = ",") {
    fputs(before, stdout);
    print_text(got.message.body);
  }
  putchar(']');
}
