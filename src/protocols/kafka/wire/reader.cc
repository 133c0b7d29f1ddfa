#include "protocols/kafka/wire/reader.h"

#include <fmt/format.h>

namespace millrace::kafka {
namespace {
constexpr const char* kEndsInside = "the message ends inside of it";
constexpr const char* kNullRefused = "is null, which this version does not allow";
constexpr const char* kLengthTooLarge = "its length is more than the bytes left";
}  // namespace

Reader::Reader(Bytes frame, std::size_t memory_bytes_max)
    : frame_(std::move(frame)),
      cursor_(frame_.data()),
      end_(frame_.data() + frame_.size()),
      memory_bytes_left_(memory_bytes_max) {}

bool Reader::fail(const char* reason, std::uint64_t claimed) {
  if (!ok()) return false;
  reason_ = reason;
  claimed_ = claimed;
  remaining_at_failure_ = remaining();
  end_ = cursor_;
  return false;
}

bool Reader::refuse(const char* field) {
  path_.insert(0, path_.empty() ? field : std::string(field) + ".");
  return false;
}

std::string Reader::failure() const {
  if (ok()) return {};
  std::string text = path_.empty() ? "" : fmt::format("field {}: ", path_);
  text += reason_;
  if (claimed_ > 0) text += fmt::format(" ({} of {})", claimed_, remaining_at_failure_);
  return text;
}

bool Reader::boolean(bool& out) {
  std::uint8_t byte = 0;
  if (!number(byte)) return false;
  out = byte != 0;
  return true;
}

bool Reader::unsigned_varint_slow(std::uint32_t& out) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (cursor_ == end_) return fail(kEndsInside);
    const std::uint8_t byte = *cursor_++;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte & 0x80) continue;
    if (value > 0xffffffffU) break;
    out = static_cast<std::uint32_t>(value);
    return true;
  }
  return fail("a variable-length number has more than 32 bits");
}

bool Reader::uuid(Uuid& out) {
  if (remaining() < out.bytes.size()) return fail(kEndsInside);
  std::memcpy(out.bytes.data(), cursor_, out.bytes.size());
  cursor_ += out.bytes.size();
  return true;
}

bool Reader::short_length(bool compact, std::int64_t& out) {
  if (compact) return long_length(true, out);
  std::int16_t length = 0;
  if (!number(length)) return false;
  if (length < -1) return fail("its length is negative");
  out = length;
  if (length > 0 && static_cast<std::size_t>(length) > remaining())
    return fail(kLengthTooLarge, static_cast<std::uint64_t>(length));
  return true;
}

bool Reader::long_length(bool compact, std::int64_t& out) {
  if (compact) {
    std::uint32_t length = 0;
    if (!unsigned_varint(length)) return false;
    out = std::int64_t{length} - 1;
  } else {
    std::int32_t length = 0;
    if (!number(length)) return false;
    if (length < -1) return fail("its length is negative");
    out = length;
  }
  if (out > 0 && static_cast<std::size_t>(out) > remaining())
    return fail(kLengthTooLarge, static_cast<std::uint64_t>(out));
  return true;
}

bool Reader::string_body(std::string& out, std::int64_t length) {
  const auto size = static_cast<std::size_t>(length);
  if (size > kStringBytesMax) return fail("the string is longer than 32767 bytes");
  out.assign(reinterpret_cast<const char*>(cursor_), size);
  cursor_ += size;
  return true;
}

bool Reader::string(std::string& out, bool compact) {
  std::int64_t length = 0;
  if (!short_length(compact, length)) return false;
  if (length < 0) return fail(kNullRefused);
  return string_body(out, length);
}

bool Reader::string(std::optional<std::string>& out, bool compact, bool null_allowed) {
  std::int64_t length = 0;
  if (!short_length(compact, length)) return false;
  if (length < 0) {
    out.reset();
    return null_allowed || fail(kNullRefused);
  }
  return string_body(out.emplace(), length);
}

Bytes Reader::take(std::size_t size) {
  const std::size_t start = position();
  cursor_ += size;
  return size == 0 ? Bytes() : frame_.slice(start, size);
}

bool Reader::bytes(Bytes& out, bool compact) {
  std::int64_t length = 0;
  if (!long_length(compact, length)) return false;
  if (length < 0) return fail(kNullRefused);
  out = take(static_cast<std::size_t>(length));
  return true;
}

bool Reader::bytes(std::optional<Bytes>& out, bool compact, bool null_allowed) {
  std::int64_t length = 0;
  if (!long_length(compact, length)) return false;
  if (length < 0) {
    out.reset();
    return null_allowed || fail(kNullRefused);
  }
  out = take(static_cast<std::size_t>(length));
  return true;
}

bool Reader::bytes(ByteChain& out, bool compact) {
  Bytes part;
  if (!bytes(part, compact)) return false;
  out.clear();
  out.append(std::move(part));
  return true;
}

bool Reader::bytes(std::optional<ByteChain>& out, bool compact, bool null_allowed) {
  std::optional<Bytes> part;
  if (!bytes(part, compact, null_allowed)) return false;
  out.reset();
  if (part) out.emplace().append(*std::move(part));
  return true;
}

bool Reader::claim_array(std::int64_t count, std::size_t element_bytes_min,
                         std::size_t element_size) {
  const auto elements = static_cast<std::size_t>(count);
  if (elements > remaining() / element_bytes_min)
    return fail("has more elements than fit in the bytes left", elements);
  if (elements > memory_bytes_left_ / element_size)
    return fail("has more elements than one message may have", elements);
  memory_bytes_left_ -= elements * element_size;
  return true;
}

bool Reader::enter_tagged(std::uint32_t& tag, const std::uint8_t*& end_outside) {
  std::uint32_t size = 0;
  if (!unsigned_varint(tag) || !unsigned_varint(size)) return false;
  if (size > remaining()) return fail(kLengthTooLarge, size);
  end_outside = std::exchange(end_, cursor_ + size);
  return true;
}

bool Reader::leave_tagged(bool known, const std::uint8_t* end_outside) {
  if (!known) cursor_ = end_;
  if (cursor_ != end_) return fail("a tagged field is longer than its content");
  end_ = end_outside;
  return true;
}

bool Reader::skip_tagged_fields() {
  return tagged_fields([](std::uint32_t, bool& known) {
    known = false;
    return true;
  });
}

}  // namespace millrace::kafka
