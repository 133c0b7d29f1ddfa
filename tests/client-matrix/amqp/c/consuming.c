// Taking messages, and what becomes of them.
#include <stdio.h>

#include "scenarios.h"

static void print_flag(bool value) { fputs(value ? "true" : "false", stdout); }

void run_prefetch(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_bytes_t queue = text(cell->name);
  declare(connection, queue, DURABLE, amqp_empty_table);
  fill(connection, queue, 20);
  amqp_basic_qos(connection, CHANNEL, 0, 5, false);
  consume(connection, queue, "", false);
  amqp_bytes_t seen[20];
  int waiting = 0;
  for (int i = 0; i < 20; i++) {
    amqp_envelope_t envelope = next(connection);
    seen[i] = envelope.message.body;
    if (i == 4) waiting = ready(connection, queue);
    if (i % 5 == 4) ack(connection, envelope.delivery_tag, true);
  }
  for (int i = 0; i < 20; i++) {
    fputs(i == 0 ? "{\"all\":[" : ",", stdout);
    print_text(seen[i]);
  }
  for (int i = 0; i < 5; i++) {
    fputs(i == 0 ? "],\"first\":[" : ",", stdout);
    print_text(seen[i]);
  }
  printf("],\"ready\":%d,\"left\":%d}", waiting, left(cell, connection));
}

void run_requeue(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  send_text(connection, text(cell->name), "a");
  send_text(connection, text(cell->name), "b");
  amqp_basic_qos(connection, CHANNEL, 0, 1, false);
  consume(connection, text(cell->name), "", false);
  for (int i = 0; i < 4; i++) {
    amqp_envelope_t envelope = next(connection);
    fputs(i == 0 ? "{\"seen\":[[" : ",[", stdout);
    print_text(envelope.message.body);
    putchar(',');
    print_flag(envelope.redelivered);
    putchar(']');
    if (i == 0) {
      amqp_basic_nack(connection, CHANNEL, envelope.delivery_tag, false, true);
    } else if (i == 2) {
      amqp_basic_reject(connection, CHANNEL, envelope.delivery_tag, true);
    } else {
      ack(connection, envelope.delivery_tag, false);
    }
  }
  printf("],\"left\":%d}", left(cell, connection));
}

void run_get(const cell_t* cell) {
  connection_t connection = connect_confirming(cell);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  fill(connection, text(cell->name), 3);
  await_confirms(connection, 3);
  for (int i = 0; i < 4; i++) {
    got_t got = get(connection, text(cell->name), false);
    fputs(i == 0 ? "{\"got\":[" : ",", stdout);
    if (!got.there) {
      fputs("null", stdout);
      continue;
    }
    ack(connection, got.told.delivery_tag, false);
    putchar('[');
    print_text(got.message.body);
    printf(",%u,", got.told.message_count);
    print_flag(got.told.redelivered);
    putchar(']');
  }
  fputs("]}", stdout);
  disconnect(connection);
}

void run_cancel_notify(const cell_t* cell) {
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  declare(connection, text(cell->name), DURABLE, amqp_empty_table);
  consume(connection, text(cell->name), "the-consumer", true);
  connection_t other = connect_to(cell, HEARTBEAT_OFF);
  amqp_queue_delete(other, CHANNEL, text(cell->name), false, false);
  disconnect(other);
  amqp_frame_t frame = next_method(connection, AMQP_BASIC_CANCEL_METHOD);
  fputs("{\"cancelled\":[", stdout);
  print_text(((amqp_basic_cancel_t*)frame.payload.method.decoded)->consumer_tag);
  fputs("]}", stdout);
  disconnect(connection);
}

void run_transaction(const cell_t* cell) {
  connection_t watching = connect_to(cell, HEARTBEAT_OFF);
  connection_t connection = connect_to(cell, HEARTBEAT_OFF);
  amqp_bytes_t queue = text(cell->name);
  declare(watching, queue, DURABLE, amqp_empty_table);
  amqp_tx_select(connection, CHANNEL);
  fill(connection, queue, 2);
  printf("{\"ready\":[%d,", ready(watching, queue));
  amqp_tx_commit(connection, CHANNEL);
  printf("%d,", ready(watching, queue));
  fill(connection, queue, 1);
  amqp_tx_rollback(connection, CHANNEL);
  printf("%d,", ready(watching, queue));
  ack(connection, get(connection, queue, false).told.delivery_tag, false);
  amqp_tx_rollback(connection, CHANNEL);
  amqp_basic_recover(connection, CHANNEL, true);
  printf("%d,", ready(watching, queue));
  got_t again = get(connection, queue, false);
  ack(connection, again.told.delivery_tag, false);
  amqp_tx_commit(connection, CHANNEL);
  disconnect(connection);
  printf("%d],\"redelivered\":", ready(watching, queue));
  print_flag(again.told.redelivered);
  putchar('}');
  disconnect(watching);
}
