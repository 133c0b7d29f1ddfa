#include "management/management.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "broker/login.h"
#include "management/routes.h"

namespace millrace::management {
namespace {

HttpLimits limits_of(HttpLimits limits) {
  limits.body_bytes_max = kBodyBytesMax;
  limits.held_bytes_max = kHeldBytesMax;
  return limits;
}

HttpAnswer not_authorized(std::string_view reason) {
  HttpAnswer answer = refuse(401, reason);
  answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Millrace management\"");
  return answer;
}

std::optional<HttpAnswer> check(const HttpRequest& request) {
  constexpr std::string_view kBasic = "Basic ";
  const std::string* header = request.header("Authorization");
  if (!header) return not_authorized("log in with a user and a password");
  std::string_view text = *header;
  std::optional<std::string> decoded;
  if (text.starts_with(kBasic)) decoded = base64_decoded(text.substr(kBasic.size()));
  const auto colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return not_authorized("basic authentication is needed");
  switch (check_login(decoded->substr(0, colon), decoded->substr(colon + 1), request.peer)) {
    case Login::good:
      return std::nullopt;
    case Login::not_from_here:
      return not_authorized("User can only log in via localhost");
    case Login::unknown:
      break;
  }
  return not_authorized("Login failed");
}

Task<HttpAnswer> refuse_query(std::string name) {
  co_return refuse(400, fmt::format("the query parameter '{}' is not known here", name));
}

}  // namespace

Api::Api(Broker& broker, amqp::AmqpServer* amqp, Facts facts)
    : broker_(broker),
      amqp_(amqp),
      facts_(std::move(facts)),
      worker_(broker.runtime().make_worker("management")),
      began_(broker.core(CoreId(0)).core().now()) {}

Task<std::vector<amqp::ConnectionFacts>> Api::connections() {
  if (!amqp_) co_return std::vector<amqp::ConnectionFacts>{};
  co_return co_await amqp_->connections();
}

Management::Management(Runtime& runtime, Broker& broker, amqp::AmqpServer* amqp, Facts facts,
                       HttpLimits limits)
    : api_(broker, amqp, std::move(facts)), http_(runtime, limits_of(limits)) {
  http_.set_guard(check);
  http_.set_refusal([](unsigned status, std::string why) {
    return refuse(status, status == 404 ? "Not Found" : why);
  });
  for (const Route& route : all_routes()) {
    http_.serve(route.method, route.pattern, [this, &route](HttpRequest request) {
      const std::string_view unknown = unknown_query(route, request);
      if (!unknown.empty()) return refuse_query(std::string(unknown));
      return route.handler(api_, std::move(request));
    });
  }
}

Result<void> Management::listen(const std::string& host, std::uint16_t port) {
  return http_.listen(host, port);
}

}  // namespace millrace::management
