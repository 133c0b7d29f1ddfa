// Publishing, messages that come back as they went, dead letters.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "scenarios.h"

static const uint64_t kMoment = 1700000000;

#define ENTRY(letter, field, what)                 \
  {                                                \
    {1, letter}, {                                 \
      .kind = letter[0], .value = {.field = what } \
    }                                              \
  }

void run_properties(const cell_t* cell) {
  connection_t connection = connect_confirming(cell);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  amqp_field_value_t items[] = {
      {.kind = 'S', .value.bytes = text("a")},
      {.kind = 'I', .value.i32 = 7},
      {.kind = 't', .value.boolean = true},
  };
  amqp_table_entry_t inner[] = {text_entry("x", text("y"))};
  amqp_table_entry_t outer[] = {{text("deep"), {.kind = 'F', .value.table = table(1, inner)}}};
  amqp_table_entry_t headers[] = {
      ENTRY("t", boolean, true),
      ENTRY("b", i8, -5),
      ENTRY("B", u8, 250),
      ENTRY("s", i16, -300),
      ENTRY("u", u16, 65000),
      ENTRY("I", i32, -70000),
      ENTRY("i", u32, 4000000000),
      ENTRY("l", i64, INT64_C(1) << 40),
      ENTRY("f", f32, 1.5F),
      ENTRY("d", f64, 0.1),
      {{1, "D"}, {.kind = 'D', .value.decimal = {2, 12345}}},
      ENTRY("S", bytes, text("gr\xc3\xbcn")),
      {{1, "A"}, {.kind = 'A', .value.array = {3, items}}},
      ENTRY("T", u64, kMoment),
      ENTRY("F", table, table(1, outer)),
      {{1, "V"}, {.kind = 'V'}},
      {{1, "x"}, {.kind = 'x', .value.bytes = {3, "\x00\xff\x10"}}},
  };
  amqp_basic_properties_t sent = {
      ._flags = 0xfffc & ~AMQP_BASIC_CLUSTER_ID_FLAG,  // all fourteen but the reserved one
      .content_type = text("text/plain"),
      .content_encoding = text("utf-8"),
      .headers = table(sizeof headers / sizeof *headers, headers),
      .delivery_mode = 2,
      .priority = 5,
      .correlation_id = text("the correlation"),
      .reply_to = text("the reply queue"),
      .expiration = text("600000"),
      .message_id = text("the message"),
      .timestamp = kMoment,
      .type = text("the type"),
      .user_id = text("guest"),
      .app_id = text("the application"),
  };
  publish_to(connection, amqp_empty_bytes, text(cell->name), sent, text("the body"));
  await_confirms(connection, 1);
  got_t got = get(connection, text(cell->name), true);
  amqp_basic_properties_t* came = &got.message.properties;
  const struct {
    const char* name;
    amqp_bytes_t value;
  } texts[] = {
      {"content_type", came->content_type},
      {"content_encoding", came->content_encoding},
      {"correlation_id", came->correlation_id},
      {"reply_to", came->reply_to},
      {"expiration", came->expiration},
      {"message_id", came->message_id},
      {"type", came->type},
      {"user_id", came->user_id},
      {"app_id", came->app_id},
  };
  printf("{\"properties\":{\"delivery_mode\":%u,\"priority\":%u,\"timestamp\":%" PRIu64,
         came->delivery_mode, came->priority, came->timestamp);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    printf(",\"%s\":", texts[i].name);
    print_text(texts[i].value);
  }
  fputs("},\"headers\":", stdout);
  print_table(&came->headers, NULL, true);
  fputs(",\"body\":", stdout);
  print_text(got.message.body);
  fputs(",\"exchange\":", stdout);
  print_text(got.told.exchange);
  fputs(",\"key\":", stdout);
  print_text(got.told.routing_key);
  putchar('}');
  disconnect(connection);
}

void run_publish(const cell_t* cell) {
  connection_t connection = connect_confirming(cell);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  fill(connection, text(cell->name), 200);
  int confirmed = await_confirms(connection, 200);
  printf("{\"confirmed\":%d,\"ready\":%d,\"bodies\":", confirmed,
         ready(connection, text(cell->name)));
  consume(connection, text(cell->name), "", true);
  for (int i = 0; i < 200; i++) {
    putchar(i == 0 ? '[' : ',');
    print_text(next(connection).message.body);
  }
  fputs("]}", stdout);
  disconnect(connection);
}

void run_mandatory(const cell_t* cell) {
  connection_t connection = connect_confirming(cell);
  amqp_basic_properties_t properties = persistent();
  amqp_basic_publish(connection, CHANNEL, text("amq.direct"), text(cell->name), true, false,
                     &properties, text("unroutable"));
  amqp_frame_t frame = next_method(connection, AMQP_BASIC_RETURN_METHOD);
  amqp_basic_return_t* told = frame.payload.method.decoded;
  printf("{\"order\":[\"return\"");
  int code = told->reply_code;
  amqp_bytes_t reason = amqp_bytes_malloc_dup(told->reply_text);
  amqp_bytes_t exchange = amqp_bytes_malloc_dup(told->exchange);
  amqp_bytes_t key = amqp_bytes_malloc_dup(told->routing_key);
  amqp_message_t message;
  amqp_read_message(connection, CHANNEL, &message, 0);
  await_confirms(connection, 1);
  printf(",\"confirm\"],\"returned\":[%d,", code);
  print_text(reason);
  putchar(',');
  print_text(exchange);
  putchar(',');
  print_text(key);
  putchar(',');
  print_text(message.body);
  fputs("]}", stdout);
  disconnect(connection);
}

void run_big(const cell_t* cell) {
  connection_t connection = connect_confirming(cell);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  amqp_bytes_t body = amqp_bytes_malloc(5 * 1024 * 1024);
  for (size_t i = 0; i < body.len; i++) ((unsigned char*)body.bytes)[i] = (unsigned char)i;
  publish_to(connection, amqp_empty_bytes, text(cell->name), persistent(), body);
  await_confirms(connection, 1);
  amqp_bytes_t found = get(connection, text(cell->name), true).message.body;
  printf("{\"bytes\":%zu,\"crc32\":%lu}", found.len, crc32(0, found.bytes, (uInt)found.len));
  disconnect(connection);
}

// A queue whose dead letters go to another.
static connection_t connect_dying(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  declare_exchange(connection, joined(cell, "-dlx"), "direct");
  declare(connection, joined(cell, "-dead"), DURABLE, amqp_empty_table);
  bind(connection, joined(cell, "-dead"), joined(cell, "-dlx"), "dead", amqp_empty_table);
  amqp_table_entry_t arguments[] = {
      text_entry("x-dead-letter-exchange", joined(cell, "-dlx")),
      text_entry("x-dead-letter-routing-key", text("dead")),
  };
  declare(connection, text(cell->name), DURABLE, table(2, arguments));
  return connection;
}

static void send_kept(const cell_t* cell, connection_t connection, const char* body,
                      const char* expiration) {
  amqp_table_entry_t kept[] = {text_entry("kept", text("a header"))};
  amqp_basic_properties_t properties = persistent();
  properties._flags |= AMQP_BASIC_HEADERS_FLAG;
  properties.headers = table(1, kept);
  if (expiration) {
    properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
    properties.expiration = text(expiration);
  }
  publish_to(connection, amqp_empty_bytes, text(cell->name), properties, text(body));
}

// Prints all of the object but its end.
static void print_death(const amqp_envelope_t* dead) {
  const amqp_table_t* headers = &dead->message.properties.headers;
  fputs("{\"body\":", stdout);
  print_text(dead->message.body);
  fputs(",\"exchange\":", stdout);
  print_text(dead->exchange);
  fputs(",\"key\":", stdout);
  print_text(dead->routing_key);
  fputs(",\"kept\":", stdout);
  print_value(find(headers, "kept"));
  const char* names[] = {"x-first-death-reason", "x-first-death-queue", "x-first-death-exchange"};
  for (int i = 0; i < 3; i++) {
    fputs(i == 0 ? ",\"first\":[" : ",", stdout);
    print_value(find(headers, names[i]));
  }
  const amqp_array_t* deaths = &find(headers, "x-death")->value.array;
  for (int i = 0; i < deaths->num_entries; i++) {
    fputs(i == 0 ? "],\"deaths\":[" : ",", stdout);
    print_table(&deaths->entries[i].value.table, "time", false);
  }
  uint64_t then = find(&deaths->entries[0].value.table, "time")->value.u64;
  printf("],\"minutes\":%d", (int)((int64_t)time(NULL) - (int64_t)then) / 60);
}

void run_dead_letter(const cell_t* cell) {
  connection_t connection = connect_dying(cell);
  send_kept(cell, connection, "spoiled", NULL);
  consume(connection, text(cell->name), "", false);
  amqp_basic_reject(connection, CHANNEL, next(connection).delivery_tag, false);
  consume(connection, joined(cell, "-dead"), "", true);
  amqp_envelope_t dead = next(connection);
  print_death(&dead);
  putchar('}');
  disconnect(connection);
}

void run_ttl(const cell_t* cell) {
  connection_t connection = connect_dying(cell);
  send_kept(cell, connection, "spoiled", "50");
  send_kept(cell, connection, "lives", "600000");
  consume(connection, joined(cell, "-dead"), "", true);
  amqp_envelope_t dead = next(connection);
  print_death(&dead);
  fputs(",\"expiration\":", stdout);
  if (dead.message.properties._flags & AMQP_BASIC_EXPIRATION_FLAG) {
    print_text(dead.message.properties.expiration);
  } else {
    fputs("null", stdout);
  }
  printf(",\"ready\":%d}", ready(connection, text(cell->name)));
  disconnect(connection);
}
