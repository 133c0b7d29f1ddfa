// What holds between several settings, when each alone is within its bounds.
#pragma once

#include "settings/settings.h"

namespace millrace {

Mistakes check_together(const Settings& settings);

}  // namespace millrace
