#include "protocols/amqp/wire/methods.h"

#include <fmt/format.h>

#include <utility>

namespace millrace::amqp {
namespace {

// Calls visit.operator()<Kind>() for the method with this id; false when there is none.
template <class Visit, class... Kind>
bool for_id(MethodId id, Visit& visit, const std::variant<Kind...>*) {
  return ((id == Kind::kId && (visit.template operator()<Kind>(), true)) || ...);
}

template <class Visit>
bool for_id(MethodId id, Visit visit) {
  return for_id(id, visit, static_cast<const Method*>(nullptr));
}

std::unexpected<Error> no_such_method(ByteView payload) {
  if (payload.size() < kMethodIdBytes)
    return malformed("a method", "its frame is shorter than 4 bytes");
  const MethodId id = method_id(payload);
  return fail(ErrorCode::unsupported_feature, fmt::format("there is no method {} in class {}",
                                                          method_number(id), class_number(id)));
}

}  // namespace

std::string_view method_name(MethodId id) {
  std::string_view name;
  for_id(id, [&]<class Kind>() { name = Kind::kName; });
  return name;
}

std::unexpected<Error> malformed(std::string_view what, const char* fault) {
  return fail(ErrorCode::invalid_request, fmt::format("{}: {}", what, fault));
}

Result<Method> decode_method(ByteView payload) {
  Result<Method> method = std::unexpected(Error());
  const bool known = for_id(method_id(payload), [&]<class Kind>() {
    Result<Kind> decoded = decode<Kind>(payload);
    if (decoded)
      method = std::move(*decoded);
    else
      method = std::unexpected(std::move(decoded).error());
  });
  if (!known) return no_such_method(payload);
  return method;
}

}  // namespace millrace::amqp
