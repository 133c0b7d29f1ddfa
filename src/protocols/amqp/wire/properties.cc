#include "protocols/amqp/wire/properties.h"

#include <bit>
#include <string>

#include "base/assert.h"
#include "protocols/amqp/wire/field_codec.h"

namespace millrace::amqp {
namespace {

// One without meaning, and "more flags follow".
constexpr std::uint16_t kForeignFlags = 0b11;

std::unexpected<Error> malformed_properties(const char* fault) {
  return fail(ErrorCode::invalid_request, std::string("properties: ") + fault);
}

const char* flags_fault(std::uint16_t flags) {
  return (flags & kForeignFlags) != 0 ? "a flag is set that has no property" : nullptr;
}

// Calls `each(optional)` for the properties that the flags name, in order.
template <class Each>
struct Present {
  std::uint16_t flags;
  Each each;
  unsigned bit = 15;

  template <class... Field>
  void operator()(Field&... field) {
    ((flags >> bit-- & 1 ? each(field) : void()), ...);
  }
};

struct FlagsOf {
  std::uint16_t flags = 0;
  unsigned bit = 15;

  template <class... Field>
  void operator()(const Field&... field) {
    ((flags =
          static_cast<std::uint16_t>(flags | static_cast<unsigned>(field.has_value()) << bit--)),
     ...);
  }
};

}  // namespace

class PropertiesWalk {
 public:
  static Result<PropertiesView> run(ByteView raw, bool into_headers) {
    Result<PropertiesView> view(std::in_place);
    FieldReader in(raw);
    view->raw_ = raw;
    if (!in.read(view->flags_)) return malformed_properties(in.fault());
    if (const char* fault = flags_fault(view->flags_)) return malformed_properties(fault);
    for (std::uint16_t left = view->flags_; left != 0;) {
      const auto bit = static_cast<unsigned>(15 - std::countl_zero(left));
      left = static_cast<std::uint16_t>(left & ~(1U << bit));
      view->position_[bit] = static_cast<std::uint32_t>(in.cursor() - raw.data());
      if (!pass(in, static_cast<Property>(bit), into_headers))
        return malformed_properties(in.fault());
    }
    if (!in.finish()) return malformed_properties(in.fault());
    return view;
  }

 private:
  static bool pass(FieldReader& in, Property property, bool into_headers) {
    switch (property) {
      case Property::headers:
        return pass_headers(in, into_headers);
      case Property::delivery_mode:
      case Property::priority: {
        std::uint8_t octet = 0;
        return in.read(octet);
      }
      case Property::timestamp: {
        TimestampSeconds time;
        return in.read(time);
      }
      default: {
        std::string_view text;
        return in.read(text);
      }
    }
  }

  static bool pass_headers(FieldReader& in, bool into_headers) {
    ByteView content;
    if (!in.read_table_content(content)) return false;
    const char* fault = into_headers ? table_fault(content) : nullptr;
    return fault == nullptr || in.fail(fault);
  }
};

std::optional<std::string_view> PropertiesView::text(Property property) const {
  if (!has(property)) return std::nullopt;
  const std::uint8_t* at = raw_.data() + position_[bit(property)];
  return as_text({at + 1, *at});
}

std::optional<ByteView> PropertiesView::headers() const {
  if (!has(Property::headers)) return std::nullopt;
  const std::uint8_t* at = raw_.data() + position_[bit(Property::headers)];
  return ByteView{at + 4, load_number<std::uint32_t>(at)};
}

std::optional<std::uint8_t> PropertiesView::octet(Property property) const {
  if (!has(property)) return std::nullopt;
  return raw_[position_[bit(property)]];
}

std::optional<TimestampSeconds> PropertiesView::timestamp() const {
  if (!has(Property::timestamp)) return std::nullopt;
  const std::uint8_t* at = raw_.data() + position_[bit(Property::timestamp)];
  return TimestampSeconds{load_number<std::uint64_t>(at)};
}

Result<PropertiesView> parse_properties(ByteView raw) { return PropertiesWalk::run(raw, true); }
Result<PropertiesView> scan_properties(ByteView raw) { return PropertiesWalk::run(raw, false); }

Result<BasicProperties> decode_properties(ByteView raw) {
  FieldReader in(raw);
  std::uint16_t flags = 0;
  if (!in.read(flags)) return malformed_properties(in.fault());
  if (const char* fault = flags_fault(flags)) return malformed_properties(fault);
  BasicProperties properties;
  Present present{flags, [&in](auto& field) {
                    if (in.fault() == nullptr) in.read(field.emplace());
                  }};
  properties.fields(present);
  if (!in.finish()) return malformed_properties(in.fault());
  return properties;
}

std::vector<std::uint8_t> encode_properties(const BasicProperties& properties) {
  FlagsOf flags;
  properties.fields(flags);
  FieldSizer size;
  size(flags.flags);
  Present measure{flags.flags, [&size](const auto& field) { size(*field); }};
  properties.fields(measure);
  std::vector<std::uint8_t> raw(size.bytes());
  FieldWriter out(raw.data());
  out(flags.flags);
  Present write{flags.flags, [&out](const auto& field) { out(*field); }};
  properties.fields(write);
  ASSERT(out.cursor() == raw.data() + raw.size());
  return raw;
}

}  // namespace millrace::amqp
