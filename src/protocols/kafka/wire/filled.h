// Messages with something in every field that a version has, for tests: the same seed gives the
// same message. Fields that the version lacks keep their defaults, so that what was encoded and
// decoded must equal what was filled.
#pragma once

#include <cstdint>
#include <random>

#include "protocols/kafka/wire/gen/messages.h"

namespace millrace::kafka {

enum class FillSize {
  small,  // one element per array, few bytes: for tests that try every length
  large,  // several elements, and bytes beyond what a writer copies
};

class Filler {
 public:
  Filler(std::int16_t version, std::uint64_t seed, FillSize size)
      : version_(version), random_(seed), size_(size) {}

  template <class T>
  void operator()(const FieldInfo& field, T& value) {
    if (!field.versions.contains(version_)) return;
    null_allowed_ = field.nullable && field.nullable->contains(version_);
    fill(value);
  }

  template <class T>
  void fill(std::optional<T>& value) {
    if (null_allowed_ && below(4) == 0) {
      value.reset();
    } else {
      fill(value.emplace());
    }
  }
  template <class T>
  void fill(std::vector<T>& values) {
    values.resize(size_ == FillSize::small ? 1 : below(4));
    for (T& value : values) fill(value);
  }
  template <class T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = below(2) == 1;
    } else if constexpr (std::is_arithmetic_v<T>) {
      value = static_cast<T>(random_());
    } else {
      visit_fields(*this, value);
    }
  }
  void fill(std::string& value) {
    value.resize(size_ == FillSize::small ? below(4) : below(8) == 0 ? 200 : below(24));
    for (char& letter : value) letter = static_cast<char>('a' + below(26));
  }
  void fill(Uuid& value) {
    for (std::uint8_t& byte : value.bytes) byte = static_cast<std::uint8_t>(random_());
  }
  void fill(Bytes& value) {
    std::vector<std::uint8_t> bytes(size_ == FillSize::small ? below(6)
                                    : below(3) == 0          ? 3000
                                                             : below(60));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    value = Bytes::copy_of(bytes);
  }
  void fill(ByteChain& value) {
    for (std::uint64_t parts = below(3); parts > 0; --parts) {
      Bytes part;
      fill(part);
      value.append(part);
    }
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::int16_t version_;
  std::mt19937_64 random_;
  FillSize size_;
  bool null_allowed_ = false;
};

template <class Message>
Message filled(std::int16_t version, std::uint64_t seed, FillSize size) {
  Message message;
  visit_fields(Filler(version, seed, size), message);
  return message;
}

// visit.template operator()<Message>() for every request and response.
template <class Visitor>
void for_each_message(Visitor&& visit) {
  for_each_request(visit);
  for_each_response(visit);
}

}  // namespace millrace::kafka
