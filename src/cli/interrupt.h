// Ctrl-C and SIGTERM: the first asks a command to end in order, the second ends it.
#pragma once

namespace millrace::cli {

void catch_interrupts();
bool interrupted();

}  // namespace millrace::cli
