// librabbitmq: --address HOST:PORT --scenario NAME --name QUEUE; prints what it saw as JSON.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

static const struct {
  const char* name;
  void (*run)(const cell_t* cell);
} kScenarios[] = {
    {"properties", run_properties},
    {"publish", run_publish},
    {"mandatory", run_mandatory},
    {"big", run_big},
    {"dead-letter", run_dead_letter},
    {"ttl", run_ttl},
    {"prefetch", run_prefetch},
    {"requeue", run_requeue},
    {"get", run_get},
    {"cancel-notify", run_cancel_notify},
    {"transaction", run_transaction},
    {"topic", run_topic},
    {"headers", run_headers},
    {"server-named", run_server_named},
    {"channel-error", run_channel_error},
    {"heartbeat", run_heartbeat},
};

int main(int count, char** arguments) {
  cell_t cell = {0};
  const char* scenario = "";
  for (int i = 1; i + 1 < count; i += 2) {
    if (strcmp(arguments[i], "--address") == 0) {
      char* colon = strchr(arguments[i + 1], ':');
      *colon = '\0';
      cell.host = arguments[i + 1];
      cell.port = atoi(colon + 1);
    } else if (strcmp(arguments[i], "--scenario") == 0) {
      scenario = arguments[i + 1];
    } else if (strcmp(arguments[i], "--name") == 0) {
      cell.name = arguments[i + 1];
    }
  }
  for (size_t i = 0; i < sizeof kScenarios / sizeof *kScenarios; i++) {
    if (strcmp(kScenarios[i].name, scenario) == 0) {
      kScenarios[i].run(&cell);
      putchar('\n');
      return 0;
    }
  }
  fail("there is no such scenario");
}
