// How the descriptors that the process may open are shared out, before anything is opened. Without
// it idle connections could take those that a checkpoint needs, or segments those of a new client.
#pragma once

#include <cstdint>

#include "server/serve_options.h"

namespace millrace {

// Lowers the limits of connections and open segments to what `descriptors` carry; says whether it
// had to.
bool fit_to_descriptors(std::uint64_t descriptors, ServeOptions& options);

}  // namespace millrace
