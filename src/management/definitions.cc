// Definitions: what there is, as a document that this broker and RabbitMQ can read back.
#include <fmt/format.h>

#include <algorithm>

#include "broker/login.h"
#include "management/body.h"
#include "management/handlers.h"
#include "management/objects.h"
#include "protocols/amqp/facts.h"

namespace millrace::management {
namespace {

// Of the password guest, for who reads our definitions: base64 of a salt and a SHA-256.
constexpr std::string_view kGuestHash = "bWlsbK64q9i2Cfd8wbBJ2d9QchyCIfBVVM7W9aEBVO02q7BV";

Json without(Json object, std::string_view key) {
  object.erase(std::string(key));
  return object;
}

bool is_predeclared(const ExchangeInfo& exchange) {
  return exchange.name.empty() || exchange.name.starts_with("amq.");
}

// One virtual host's document does not name it.
void write_objects(const Queues::Listing& listing, bool of_one, Json& out) {
  auto put = [&](std::string_view section, Json object) {
    out[section].push_back(of_one ? without(std::move(object), "vhost") : std::move(object));
  };
  for (const auto* section : {"queues", "exchanges", "bindings"}) out[section] = Json::array();
  // What belongs to a connection is no definition.
  Queues::Listing exported = listing;
  std::erase_if(exported.queues, [](const auto& queue) { return queue->exclusive; });
  for (const auto& queue : exported.queues) {
    put("queues", {{"name", queue->name},
                   {"vhost", queue->tenant},
                   {"durable", queue->durable},
                   {"auto_delete", queue->auto_delete},
                   {"arguments", to_json(queue->arguments)}});
  }
  for (const auto& exchange : exported.exchanges) {
    if (!is_predeclared(*exchange)) put("exchanges", exchange_json(*exchange));
  }
  for (const NamedBinding& binding : named_bindings(exported, false)) {
    put("bindings", without(binding_json(binding), "properties_key"));
  }
}

// What is asked for in a document, checked before anything of it is done.
struct Wanted {
  std::vector<std::string> tenants;
  std::vector<DeclareExchange> exchanges;
  std::vector<DeclareQueue> queues;
  std::vector<ChangeBinding> bindings;
};

class DefinitionsReader {
 public:
  // `tenant`: of all objects; empty: they say it.
  DefinitionsReader(const Json& document, std::string tenant)
      : document_(document), tenant_(std::move(tenant)) {}

  Result<Wanted> read() {
    refuse_unknown();
    each("users", [](Body& object) { read_user(object); });
    each("permissions", [](Body& object) { read_permission(object); });
    each("global_parameters", [](Body& object) { read_global_parameter(object); });
    each("vhosts", [this](Body& object) { read_tenant(object); });
    each("exchanges", [this](Body& object) { read_exchange(object); });
    each("queues", [this](Body& object) { read_queue(object); });
    each("bindings", [this](Body& object) { read_binding(object); });
    if (error_) return std::unexpected(*error_);
    return std::move(wanted_);
  }

 private:
  void refuse(std::string why) {
    if (!error_) error_ = Error(ErrorCode::invalid_request, std::move(why));
  }

  void refuse_unknown() {
    static constexpr std::string_view kRead[] = {
        "users", "permissions", "global_parameters", "vhosts", "exchanges", "queues", "bindings"};
    for (const auto& [section, content] : document_.items()) {
      if (std::ranges::find(kRead, section) != std::end(kRead)) continue;
      const bool says_something = content.is_structured() && !content.empty();
      if (!says_something) continue;  // who wrote it, or nothing
      const Json* first = content.is_array() ? &content.front() : nullptr;
      const auto name = first && first->is_object() ? first->find("name") : Json::const_iterator();
      const bool is_named = first && first->is_object() && name != first->end();
      refuse(
          fmt::format("'{}'{} can't be honoured: there is no support for it yet; nothing of the "
                      "document was done",
                      section, is_named ? ", first " + dump(*name) : ""));
    }
  }

  template <class Read>
  void each(const std::string& section, Read read) {
    const auto found = document_.find(section);
    if (found == document_.end() || found->is_null()) return;
    if (!found->is_array()) return refuse(fmt::format("'{}': an array is needed", section));
    for (std::size_t at = 0; at < found->size(); ++at) {
      Body object = Body::of((*found)[at]);
      read(object);
      if (object.error()) {
        refuse(fmt::format("{}[{}]: {}", section, at, object.error()->message()));
      }
    }
  }

  std::string tenant_of(Body& object) const {
    std::string tenant = tenant_;
    if (tenant.empty()) object.need("vhost", tenant);
    return tenant;
  }

  // Of guest nothing is taken over: its password is known.
  static void read_user(Body& object) {
    std::string name;
    object.need("name", name);
    if (name != kGuest) {
      object.wrong("name",
                   fmt::format("there are no users besides {} yet, not '{}'", kGuest, name));
    }
  }

  static void read_permission(Body& object) {
    std::string user;
    object.need("user", user);
    if (user != kGuest) object.wrong("user", "there are no users besides guest yet");
    for (const std::string_view name : {"configure", "write", "read"}) {
      std::string pattern = ".*";
      object.take(name, pattern);
      if (pattern != ".*") object.wrong(name, "guest may do everything: only '.*' can be said");
    }
  }

  // These two say who wrote the document.
  static void read_global_parameter(Body& object) {
    std::string name;
    object.need("name", name);
    if (name == "internal_cluster_id" || name == "cluster_name" || name == "cluster_tags") return;
    object.wrong("name", fmt::format("there is no support for '{}' yet", name));
  }

  void read_tenant(Body& object) {
    std::string& name = wanted_.tenants.emplace_back();
    object.need("name", name);
    object.need_short("name", name);
    const Json* limits = object.find("limits");
    if (limits && !limits->empty()) object.wrong("limits", "there is no support for them yet");
  }

  void read_exchange(Body& object) {
    DeclareExchange& one = wanted_.exchanges.emplace_back();
    one.tenant = tenant_of(object);
    one.type = "direct";
    one.durable = true;
    object.need("name", one.name);
    object.need_short("name", one.name);
    object.take("type", one.type);
    object.take("durable", one.durable);
    object.take("auto_delete", one.auto_delete);
    object.take("internal", one.internal);
    object.take("arguments", one.arguments);
    if (one.name.empty()) wanted_.exchanges.pop_back();  // it is always there
  }

  void read_queue(Body& object) {
    DeclareQueue& one = wanted_.queues.emplace_back();
    one.tenant = tenant_of(object);
    one.durable = true;
    object.need("name", one.name);
    object.need_short("name", one.name);
    object.take("durable", one.durable);
    object.take("auto_delete", one.auto_delete);
    object.take("arguments", one.arguments);
    std::string type;
    object.take("type", type);
    if (!type.empty() && !one.arguments.find("x-queue-type")) {
      one.arguments.set("x-queue-type", Value(type));
    }
    if (one.name.empty()) object.wrong("name", "a queue needs one");
  }

  void read_binding(Body& object) {
    ChangeBinding& one = wanted_.bindings.emplace_back();
    std::string kind = "queue";
    one.tenant = tenant_of(object);
    object.need("source", one.source);
    object.need("destination", one.destination);
    object.take("destination_type", kind);
    object.take("routing_key", one.key);
    object.need_short("routing_key", one.key);
    object.take("arguments", one.arguments);
    one.to_queue = kind == "queue";
    if (kind != "queue" && kind != "exchange") {
      object.wrong("destination_type", "queue and exchange are known");
    }
    // Every queue has that one.
    if (one.source.empty() && one.to_queue && one.key == one.destination) {
      wanted_.bindings.pop_back();
    }
  }

  const Json& document_;
  const std::string tenant_;
  Wanted wanted_;
  std::optional<Error> error_;
};

Error about(std::string_view what, std::string_view name, const Error& error) {
  return {error.code == ErrorCode::not_found ? ErrorCode::precondition_failed : error.code,
          fmt::format("{} '{}': {}", what, name, error.message())};
}

template <class Command, class Name>
Task<Result<void>> change_all(Api& api, std::vector<Command> commands, std::string_view what,
                              Name name) {
  for (Command& command : commands) {
    const std::string called = std::invoke(name, command);
    const auto reply = co_await api.queues().change(std::move(command));
    if (reply.error) co_return std::unexpected(about(what, called, *reply.error));
  }
  co_return Result<void>{};
}

Task<Result<void>> make(Api& api, Wanted wanted) {
  std::vector<CreateTenant> tenants;
  for (std::string& name : wanted.tenants) tenants.push_back({std::move(name)});
  auto done = co_await change_all(api, std::move(tenants), "vhost", &CreateTenant::name);
  if (done) {
    done =
        co_await change_all(api, std::move(wanted.exchanges), "exchange", &DeclareExchange::name);
  }
  if (done) {
    done = co_await change_all(api, std::move(wanted.queues), "queue", &DeclareQueue::name);
  }
  if (done) {
    done = co_await change_all(api, std::move(wanted.bindings), "binding of",
                               &ChangeBinding::destination);
  }
  co_return done;
}

}  // namespace

Task<HttpAnswer> get_definitions(Api& api, HttpRequest request) {
  const bool of_one = request.parameters.contains("vhost");
  const std::string vhost = of_one ? request.parameter("vhost") : "";
  if (of_one && !api.queues().has_tenant(vhost)) co_return refuse(404, "Not Found");
  const auto listing = co_await api.queues().list(vhost);
  Json out;
  out["rabbit_version"] = amqp::kFollowedVersion;
  out["rabbitmq_version"] = amqp::kFollowedVersion;
  out["product_name"] = "Millrace";
  out["product_version"] = api.facts().version;
  if (!of_one) {
    out["users"] = Json::array({{{"name", kGuest},
                                 {"password_hash", kGuestHash},
                                 {"hashing_algorithm", "rabbit_password_hashing_sha256"},
                                 {"tags", Json::array({"administrator"})},
                                 {"limits", Json::object()}}});
    out["vhosts"] = Json::array();
    out["permissions"] = Json::array();
    for (const std::string& name : listing.tenants) {
      out["vhosts"].push_back({{"name", name}});
      out["permissions"].push_back({{"user", kGuest},
                                    {"vhost", name},
                                    {"configure", ".*"},
                                    {"write", ".*"},
                                    {"read", ".*"}});
    }
    out["topic_permissions"] = Json::array();
    out["global_parameters"] = Json::array();
  }
  out["parameters"] = Json::array();
  out["policies"] = Json::array();
  write_objects(listing, of_one, out);
  co_return answer_json(out);
}

// Again and again the same: what is there already stays.
Task<HttpAnswer> post_definitions(Api& api, HttpRequest request) {
  const bool of_one = request.parameters.contains("vhost");
  const std::string vhost = of_one ? request.parameter("vhost") : "";
  if (of_one && !api.queues().has_tenant(vhost)) co_return refuse(404, "Not Found");
  const Body body(std::exchange(request.body, {}));
  if (body.error()) co_return refuse(*body.error());
  auto wanted = DefinitionsReader(body.json(), vhost).read();
  if (!wanted) co_return refuse(wanted.error());
  const auto done = co_await make(api, std::move(*wanted));
  if (!done) co_return refuse(done.error());
  co_return no_content();
}

}  // namespace millrace::management
