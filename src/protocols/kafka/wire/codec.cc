#include "protocols/kafka/wire/codec.h"

#include <fmt/format.h>

namespace millrace::kafka {

std::unexpected<Error> refuse_message(std::string_view name, std::int16_t version,
                                      const Reader& in) {
  return fail(ErrorCode::invalid_request, fmt::format("{} v{}: {}", name, version, in.failure()));
}

std::unexpected<Error> refuse_version(std::string_view name, std::int16_t version,
                                      VersionRange versions) {
  return fail(ErrorCode::unsupported_version,
              fmt::format("{} has the versions {} to {}, not {}", name, versions.min, versions.max,
                          version));
}

}  // namespace millrace::kafka
