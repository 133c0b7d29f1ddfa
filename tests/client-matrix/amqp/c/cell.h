// What a scenario gets: the broker's address, a name of its own (of the queue), connections; and
// the calls of librabbitmq that all scenarios make. Whatever fails ends the program.
#pragma once

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdbool.h>

typedef struct {
  const char* host;
  int port;
  const char* name;
} cell_t;

typedef amqp_connection_state_t connection_t;

enum { CHANNEL = 1, HEARTBEAT_OFF = 0 };

void fail(const char* what);
connection_t connect_to(const cell_t* cell, int heartbeat_s);
connection_t connect_confirming(const cell_t* cell);
void disconnect(connection_t connection);

amqp_bytes_t text(const char* string);                        // not copied
amqp_bytes_t joined(const cell_t* cell, const char* suffix);  // the cell's name and this; kept
amqp_table_t table(int count, amqp_table_entry_t* entries);
amqp_table_entry_t text_entry(const char* key, amqp_bytes_t value);
amqp_table_entry_t number_entry(const char* key, int value);

typedef enum { TRANSIENT, DURABLE, EXCLUSIVE } lifetime_t;
void declare(connection_t connection, amqp_bytes_t queue, lifetime_t lifetime,
             amqp_table_t arguments);
void declare_exchange(connection_t connection, amqp_bytes_t name, const char* type);
void bind(connection_t connection, amqp_bytes_t queue, amqp_bytes_t exchange, const char* key,
          amqp_table_t arguments);
int ready(connection_t connection, amqp_bytes_t queue);
int left(const cell_t* cell, connection_t connection);  // once this holds nothing any more

amqp_basic_properties_t persistent(void);
void publish_to(connection_t connection, amqp_bytes_t exchange, amqp_bytes_t key,
                amqp_basic_properties_t properties, amqp_bytes_t body);
void send_text(connection_t connection, amqp_bytes_t queue, const char* body);
void fill(connection_t connection, amqp_bytes_t queue, int count);
amqp_frame_t next_method(connection_t connection, amqp_method_number_t wanted);
int await_confirms(connection_t connection, int count);  // how many were acknowledged

typedef struct {
  bool there;
  amqp_message_t message;
  amqp_basic_get_ok_t told;
} got_t;
got_t get(connection_t connection, amqp_bytes_t queue, bool no_ack);
void consume(connection_t connection, amqp_bytes_t queue, const char* tag, bool no_ack);
amqp_envelope_t next(connection_t connection);
void ack(connection_t connection, uint64_t tag, bool multiple);

// What is printed, as JSON.
void print_text(amqp_bytes_t value);
void print_table(const amqp_table_t* value, const char* without, bool typed);
void print_value(const amqp_field_value_t* value);
void print_taken(connection_t connection, amqp_bytes_t queue);  // all bodies that are ready
const amqp_field_value_t* find(const amqp_table_t* where, const char* key);

// Code and text that the channel was closed with; the channel is open again.
typedef struct {
  int code;
  amqp_bytes_t text;
} refusal_t;
refusal_t refusal(connection_t connection);
