#include "cli/management.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/percent.h"

namespace millrace::cli {
namespace {

std::string check_address(const std::string& text) {
  auto address = client::parse_server(text, kManagementPort);
  return address ? std::string() : std::string(address.error().message());
}

client::HttpClientOptions http_options(const ManagementShared& shared) {
  client::HttpClientOptions options;
  options.address = client::parse_server(shared.management, kManagementPort)
                        .value_or(client::ServerAddress{"127.0.0.1", kManagementPort});
  options.timeout = client::Milliseconds(static_cast<std::int64_t>(shared.timeout_s * 1000));
  return options;
}

ErrorCode code_of(unsigned status) {
  switch (status) {
    case 401:
      return ErrorCode::not_authorized;
    case 404:
      return ErrorCode::not_found;
    case 501:
      return ErrorCode::unsupported_feature;
    case 503:
      return ErrorCode::storage_failed;
    default:
      return ErrorCode::precondition_failed;
  }
}

}  // namespace

void add_shared_options(CLI::App& command, ManagementShared& shared) {
  command
      .add_option("-m,--management", shared.management,
                  "The broker's management listener, HOST:PORT")
      ->check(check_address)
      ->type_name("ADDRESS")
      ->envname("MILLRACE_MANAGEMENT")
      ->capture_default_str();
  command.add_option("--vhost", shared.vhost, "The virtual host")->capture_default_str();
  command
      .add_option("--timeout", shared.timeout_s, "Seconds to wait for an answer before giving up")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_flag("--json", shared.json, "Print JSON, for programs");
}

Management::Management(const ManagementShared& shared)
    : vhost_(shared.vhost), http_(http_options(shared)) {}

std::string Management::path(std::string_view kind,
                             std::initializer_list<std::string_view> parts) const {
  std::string text = fmt::format("/api/{}/{}", kind, percent_encoded(vhost_));
  for (const std::string_view part : parts) text += '/' + percent_encoded(part);
  return text;
}

Result<Json> Management::ask(std::string_view method, const std::string& path,
                             const std::string& body) {
  auto reply = http_.ask(method, path, body);
  if (!reply) return std::unexpected(reply.error());
  status_ = reply->status;
  Json json;
  if (!reply->body.empty()) json = Json::parse(reply->body, nullptr, false);
  if (json.is_discarded()) {
    return fail(ErrorCode::connection_broken,
                fmt::format("{} does not answer as a management listener does: see --management "
                            "HOST:PORT",
                            http_.options().address.text()));
  }
  if (status_ < 300) return json;
  std::string reason = fmt::format("the broker answered {}", status_);
  if (json.is_object() && json.contains("reason") && json["reason"].is_string()) {
    reason = json["reason"].get<std::string>();
  }
  return fail(code_of(status_), std::move(reason));
}

const Json& field(const Json& object, std::string_view name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::int64_t number_in(const Json& object, std::string_view name) {
  const Json& found = field(object, name);
  return found.is_number() ? found.get<std::int64_t>() : 0;
}

std::string text_in(const Json& object, std::string_view name) {
  const Json& found = field(object, name);
  return found.is_string() ? found.get<std::string>() : "";
}

Error about_queue(Error error) {
  if (error.code == ErrorCode::not_found) {
    error.detail = "there is no such queue, see 'millrace queues list'";
  }
  return error;
}

}  // namespace millrace::cli
