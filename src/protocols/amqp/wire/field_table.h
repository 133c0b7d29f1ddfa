// Field tables and arrays: the typed values of arguments and of message headers.
//
//   Result<ValueTable> arguments = decode_table(content);
//   std::vector<std::uint8_t> content = encode_table(*arguments);     // the same bytes again
//
// "Content" is what stands behind the length. The response of AMQPLAIN is such a content, too.
// Types are those that clients use, which are not those the specification prints:
//
//   t bool   b i8  B u8   s i16  u u16   I i32  i u32   l L i64   f float  d double
//   D decimal   S text   x bytes   A array   F table   T timestamp   V nothing
//
// Everything is bounded by limits.h; errors are invalid_request (502).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/value.h"

namespace millrace::amqp {

Result<ValueTable> decode_table(ByteView content);
Result<ValueArray> decode_array(ByteView content);

// Whether decode_table would take it; allocates nothing.
Result<void> check_table(ByteView content);

std::vector<std::uint8_t> encode_table(const ValueTable& table);

// For who reads and writes fields (field_codec.h). The first two answer with what is wrong, or
// null.
const char* read_table(ByteView content, ValueTable& out);
const char* table_fault(ByteView content);
// With the four bytes of length.
std::size_t table_bytes(const ValueTable& table);
std::uint8_t* store_table(std::uint8_t* to, const ValueTable& table);

}  // namespace millrace::amqp
