// Reads the fields of a message from one frame. Nothing in a frame is trusted: each length is
// compared with the bytes left before anything is allocated.
//
//   Reader in(frame);                       // Bytes: what follows the 4-byte frame length
//   Result<RequestHeader> header = decode_request_header(in);
//   Result<ProduceRequest> request = decode<ProduceRequest>(in, header->version);
//
// Every reading function answers false when the bytes do not fit; from then on all of them do
// (`ok()`), and `failure()` says which field and why. The generated code adds the names of the
// fields on its way out, so the way through a good message costs nothing but the comparison.
//
// Bytes and records are slices of the frame and keep it alive; who keeps one for long copies it
// (Bytes::copy_of). Lives on the stack of one decode; not shared.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::kafka {

// Kafka allows no longer string, whatever the width of its length.
inline constexpr std::size_t kStringBytesMax = 32767;
// The most that the arrays of one decoded message may take. An element can be 1 byte in a frame and
// a hundred in memory: without this a frame of 100 MB could claim gigabytes.
inline constexpr std::size_t kDecodeMemoryBytesMax = std::size_t{256} << 20;

class Reader {
 public:
  explicit Reader(Bytes frame, std::size_t memory_bytes_max = kDecodeMemoryBytesMax);

  bool ok() const { return reason_ == nullptr; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  std::size_t position() const { return static_cast<std::size_t>(cursor_ - frame_.data()); }

  // Two's complement, big endian; a float64 as its bits.
  template <class Number>
  bool number(Number& out);
  bool boolean(bool& out);
  bool unsigned_varint(std::uint32_t& out);
  bool uuid(Uuid& out);

  // `compact` lengths are varints (flexible versions). A null where none is allowed is refused.
  bool string(std::string& out, bool compact);
  bool string(std::optional<std::string>& out, bool compact, bool null_allowed);
  bool bytes(Bytes& out, bool compact);
  bool bytes(std::optional<Bytes>& out, bool compact, bool null_allowed);
  bool bytes(ByteChain& out, bool compact);
  bool bytes(std::optional<ByteChain>& out, bool compact, bool null_allowed);

  // `element_bytes_min`: an element takes at least so many bytes, which bounds an honest count.
  // read_element(T&) -> bool.
  template <class T, class ReadElement>
  bool array(std::vector<T>& out, bool compact, std::size_t element_bytes_min,
             ReadElement read_element);
  template <class T, class ReadElement>
  bool array(std::optional<std::vector<T>>& out, bool compact, bool null_allowed,
             std::size_t element_bytes_min, ReadElement read_element);

  // A struct that may be missing, marked by one byte. read_struct(T&) -> bool.
  template <class T, class ReadStruct>
  bool structure(std::optional<T>& out, ReadStruct read_struct);

  // The tagged fields at the end of a struct. read_field(tag, known) reads the field, or says that
  // it does not know the tag with known = false; unknown ones are skipped.
  template <class ReadField>
  bool tagged_fields(ReadField read_field);
  bool skip_tagged_fields();

  // Puts a field's name before the path of the failure. Always false.
  bool refuse(const char* field);
  // "field topics.partitions.records: ...", or nothing when ok().
  std::string failure() const;

 private:
  bool fail(const char* reason, std::uint64_t claimed = 0);
  bool unsigned_varint_slow(std::uint32_t& out);
  // Reads a length: -1 is null. At most the bytes left.
  bool short_length(bool compact, std::int64_t& out);
  bool long_length(bool compact, std::int64_t& out);
  bool string_body(std::string& out, std::int64_t length);
  bool claim_array(std::int64_t count, std::size_t element_bytes_min, std::size_t element_size);
  template <class T, class ReadElement>
  bool elements(std::vector<T>& out, std::int64_t count, std::size_t element_bytes_min,
                ReadElement& read_element);
  bool enter_tagged(std::uint32_t& tag, const std::uint8_t*& end_outside);
  bool leave_tagged(bool known, const std::uint8_t* end_outside);
  Bytes take(std::size_t size);

  Bytes frame_;
  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  std::size_t memory_bytes_left_;
  const char* reason_ = nullptr;
  std::uint64_t claimed_ = 0;
  std::size_t remaining_at_failure_ = 0;
  std::string path_;
};

template <class Number>
inline bool Reader::number(Number& out) {
  if (remaining() < sizeof(Number)) [[unlikely]]
    return fail("the message ends inside of it");
  if constexpr (sizeof(Number) == 1) {
    out = static_cast<Number>(*cursor_);
  } else {
    using Raw =
        std::conditional_t<sizeof(Number) == 2, std::uint16_t,
                           std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>>;
    Raw raw;
    std::memcpy(&raw, cursor_, sizeof raw);
    if constexpr (std::endian::native == std::endian::little) raw = std::byteswap(raw);
    out = std::bit_cast<Number>(raw);
  }
  cursor_ += sizeof(Number);
  return true;
}

inline bool Reader::unsigned_varint(std::uint32_t& out) {
  if (cursor_ != end_ && *cursor_ < 0x80) [[likely]] {
    out = *cursor_++;
    return true;
  }
  return unsigned_varint_slow(out);
}

template <class T, class ReadElement>
bool Reader::elements(std::vector<T>& out, std::int64_t count, std::size_t element_bytes_min,
                      ReadElement& read_element) {
  if (!claim_array(count, element_bytes_min, sizeof(T))) return false;
  out.clear();
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    if (!read_element(out.emplace_back())) return false;
  return true;
}

template <class T, class ReadElement>
bool Reader::array(std::vector<T>& out, bool compact, std::size_t element_bytes_min,
                   ReadElement read_element) {
  std::int64_t count = 0;
  if (!long_length(compact, count)) return false;
  if (count < 0) return fail("is null, which this version does not allow");
  return elements(out, count, element_bytes_min, read_element);
}

template <class T, class ReadElement>
bool Reader::array(std::optional<std::vector<T>>& out, bool compact, bool null_allowed,
                   std::size_t element_bytes_min, ReadElement read_element) {
  std::int64_t count = 0;
  if (!long_length(compact, count)) return false;
  if (count < 0) {
    out.reset();
    return null_allowed || fail("is null, which this version does not allow");
  }
  return elements(out.emplace(), count, element_bytes_min, read_element);
}

template <class T, class ReadStruct>
bool Reader::structure(std::optional<T>& out, ReadStruct read_struct) {
  std::int8_t present = 0;
  if (!number(present)) return false;
  if (present < 0) {
    out.reset();
    return true;
  }
  return read_struct(out.emplace());
}

template <class ReadField>
bool Reader::tagged_fields(ReadField read_field) {
  std::uint32_t count = 0;
  if (!unsigned_varint(count)) return refuse("tagged fields");
  for (; count > 0; --count) {
    std::uint32_t tag = 0;
    const std::uint8_t* end_outside = nullptr;
    if (!enter_tagged(tag, end_outside)) return refuse("tagged fields");
    bool known = true;
    if (!read_field(tag, known)) return false;
    if (!leave_tagged(known, end_outside)) return refuse("tagged fields");
  }
  return true;
}

}  // namespace millrace::kafka
