// Readiness: whether clients should be sent here, and why not.
#pragma once

#include "admin/http_server.h"

namespace millrace {

enum class Readiness { ready, starting, stopping, journal_stalled, disk_full, disk_failing };

// What /readyz says: 200 {"ready":true}, or 503 with "reason", the name of what is the matter, and
// "text", which says it to people.
HttpAnswer readiness_answer(Readiness readiness);

}  // namespace millrace
