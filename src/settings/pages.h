// The two pages that are printed from the table. scripts/configuration-pages writes them into
// docs/.
#pragma once

#include <string>

namespace millrace {

// docs/configuration.md
std::string reference_page();
// A configuration file with every setting, commented out at its default.
std::string sample_page();

}  // namespace millrace
