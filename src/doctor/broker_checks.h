// What can be told of a running broker, Millrace or another one, over the Kafka protocol.
#pragma once

#include "base/error.h"
#include "client/client.h"
#include "doctor/report.h"

namespace millrace::doctor {

// Errors: could not look, because it can't be reached or doesn't answer.
Result<void> check_broker(const client::ClientOptions& options, Report& report);

}  // namespace millrace::doctor
