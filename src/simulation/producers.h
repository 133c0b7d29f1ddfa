// Producers: each writes to one partition, several requests at a time, in its own way of delivery.
#pragma once

#include "simulation/life.h"

namespace millrace::simulation {

// Until the life is over, or ends and all that was sent is answered.
Task<void> run_producer(Life* life, Producer* producer);

}  // namespace millrace::simulation
