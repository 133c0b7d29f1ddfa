// The scenarios: each prints what it saw as one JSON object.
#pragma once

#include "cell.h"

void run_properties(const cell_t* cell);
void run_publish(const cell_t* cell);
void run_mandatory(const cell_t* cell);
void run_big(const cell_t* cell);
void run_dead_letter(const cell_t* cell);
void run_ttl(const cell_t* cell);

void run_prefetch(const cell_t* cell);
void run_requeue(const cell_t* cell);
void run_get(const cell_t* cell);
void run_cancel_notify(const cell_t* cell);
void run_transaction(const cell_t* cell);

void run_topic(const cell_t* cell);
void run_headers(const cell_t* cell);
void run_server_named(const cell_t* cell);
void run_channel_error(const cell_t* cell);
void run_heartbeat(const cell_t* cell);
