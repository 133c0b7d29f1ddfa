// Kafka's names of its error codes, as its tools and documents print them.
// https://kafka.apache.org/protocol, "Error Codes".
#pragma once

#include <cstdint>
#include <string>

namespace millrace::kafka {

// "KAFKA_STORAGE_ERROR" for 56; "ERROR_1234" for a code that this program does not know.
std::string error_code_name(std::int16_t code);

}  // namespace millrace::kafka
