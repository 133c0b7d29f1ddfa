// Typed values as numbered fields (fields.h): how arguments are written to disk.
#pragma once

#include "base/fields.h"
#include "base/value.h"

namespace millrace {

void put_value_table(FieldWriter& out, std::uint32_t number, const ValueTable& table);
// False: the bytes are damaged, or nested deeper than anything that was written.
bool read_value_table(ByteView bytes, ValueTable& table);

}  // namespace millrace
