// dial: a connected TCP socket, or what kept it from being one.
#pragma once

#include <string_view>

#include "client/address.h"
#include "client/deadline.h"

namespace millrace::client {

// A non-blocking socket that the caller closes. Tries every address the host has, until the
// time-out. Looking the name up is the system's, with time-outs of its own. `option`: on the
// command line, by which people say the address.
Result<int> dial(const ServerAddress& address, Milliseconds timeout,
                 std::string_view option = "--server");

}  // namespace millrace::client
