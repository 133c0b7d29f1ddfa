// Inspection: everything that a broker has, asked for over the protocol when nobody writes, and
// held against the ledger.
#pragma once

#include <cstdint>

#include "simulation/life.h"

namespace millrace::simulation {

struct Inspection {
  bool asked = false;          // everything was answered; what is wrong is in the ledger
  std::uint64_t reported = 0;  // what could not be read, and says so: damage
};

// `damaged`: a bit was flipped on the disk. Then a partition may answer with an error, or with a
// batch whose checksum does not match, instead of its records; but not with other records.
Task<Inspection> inspect(Life* life, bool damaged);

}  // namespace millrace::simulation
