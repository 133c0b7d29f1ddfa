#include "management/routes.h"

#include <algorithm>

#include "management/list_query.h"

namespace millrace::management {
namespace {

constexpr Route kRoutes[] = {
    {"GET", "/api/overview", overview, kObjectQuery},
    {"GET", "/api/cluster-name", cluster_name},
    {"GET", "/api/nodes", nodes, kListQuery},
    {"GET", "/api/nodes/{node}", node, kObjectQuery},
    {"GET", "/api/extensions", extensions},
    {"GET", "/api/feature-flags", empty_list, kListQuery},

    {"GET", "/api/health/checks/alarms", check_alarms},
    {"GET", "/api/health/checks/local-alarms", check_alarms},
    {"GET", "/api/health/checks/virtual-hosts", check_virtual_hosts},
    {"GET", "/api/health/checks/port-listener/{port}", check_port_listener},
    {"GET", "/api/health/checks/protocol-listener/{protocol}", check_protocol_listener},
    {"GET", "/api/health/checks/ready-to-serve-clients", check_alarms},
    {"GET", "/api/health/checks/node-is-quorum-critical", check_good},

    {"GET", "/api/whoami", whoami},
    {"GET", "/api/users", list_users, kListQuery},
    {"GET", "/api/users/{user}", get_user, kObjectQuery},
    {"PUT", "/api/users/{user}", not_there},
    {"DELETE", "/api/users/{user}", not_there},
    {"GET", "/api/users/{user}/permissions", list_permissions, kListQuery},
    {"GET", "/api/permissions", list_permissions, kListQuery},
    {"GET", "/api/permissions/{vhost}/{user}", get_permission, kObjectQuery},
    {"PUT", "/api/permissions/{vhost}/{user}", put_permission},
    {"DELETE", "/api/permissions/{vhost}/{user}", not_there},
    {"GET", "/api/topic-permissions", empty_list, kListQuery},

    {"GET", "/api/policies", empty_list, kListQuery},
    {"GET", "/api/policies/{vhost}", empty_list, kListQuery},
    {"PUT", "/api/policies/{vhost}/{name}", not_there},
    {"GET", "/api/operator-policies", empty_list, kListQuery},
    {"GET", "/api/operator-policies/{vhost}", empty_list, kListQuery},
    {"PUT", "/api/operator-policies/{vhost}/{name}", not_there},
    {"GET", "/api/parameters", empty_list, kListQuery},
    {"GET", "/api/parameters/{component}", empty_list, kListQuery},
    {"PUT", "/api/parameters/{component}/{vhost}/{name}", not_there},
    {"GET", "/api/global-parameters", empty_list, kListQuery},
    {"PUT", "/api/global-parameters/{name}", not_there},
    {"GET", "/api/vhost-limits", empty_list, kListQuery},
    {"PUT", "/api/vhost-limits/{vhost}/{name}", not_there},

    {"GET", "/api/vhosts", list_vhosts, kListQuery},
    {"GET", "/api/vhosts/{vhost}", get_vhost, kObjectQuery},
    {"PUT", "/api/vhosts/{vhost}", put_vhost},
    {"DELETE", "/api/vhosts/{vhost}", delete_vhost},
    {"GET", "/api/vhosts/{vhost}/permissions", list_permissions, kListQuery},
    {"GET", "/api/vhosts/{vhost}/connections", list_connections, kListQuery},

    {"GET", "/api/exchanges", list_exchanges, kListQuery},
    {"GET", "/api/exchanges/{vhost}", list_exchanges, kListQuery},
    {"GET", "/api/exchanges/{vhost}/{name}", get_exchange, kObjectQuery},
    {"PUT", "/api/exchanges/{vhost}/{name}", put_exchange},
    {"DELETE", "/api/exchanges/{vhost}/{name}", delete_exchange, "if-unused"},
    {"GET", "/api/exchanges/{vhost}/{name}/bindings/source", list_source_bindings, kListQuery},
    {"GET", "/api/exchanges/{vhost}/{name}/bindings/destination", list_destination_bindings,
     kListQuery},
    {"POST", "/api/exchanges/{vhost}/{name}/publish", publish},

    {"GET", "/api/queues", list_queues, kListQuery},
    {"GET", "/api/queues/{vhost}", list_queues, kListQuery},
    {"GET", "/api/queues/{vhost}/{name}", get_queue, kObjectQuery},
    {"PUT", "/api/queues/{vhost}/{name}", put_queue},
    {"DELETE", "/api/queues/{vhost}/{name}", delete_queue, "if-empty|if-unused"},
    {"GET", "/api/queues/{vhost}/{name}/bindings", list_queue_bindings, kListQuery},
    {"DELETE", "/api/queues/{vhost}/{name}/contents", purge_queue},
    {"POST", "/api/queues/{vhost}/{name}/get", get_messages},
    {"GET", "/api/queues/{vhost}/{name}/peek", peek_messages, "count|encoding|truncate"},

    {"GET", "/api/bindings", list_bindings, kListQuery},
    {"GET", "/api/bindings/{vhost}", list_bindings, kListQuery},
    {"GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", list_bindings_between,
     kListQuery},
    {"POST", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", post_binding},
    {"GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{properties}", get_binding,
     kObjectQuery},
    {"DELETE", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{properties}",
     delete_binding},

    {"GET", "/api/connections", list_connections, kListQuery},
    {"GET", "/api/connections/{name}", get_connection, kObjectQuery},
    {"DELETE", "/api/connections/{name}", delete_connection},
    {"GET", "/api/connections/{name}/channels", list_channels, kListQuery},
    {"GET", "/api/channels", list_channels, kListQuery},
    {"GET", "/api/consumers", list_consumers, kListQuery},
    {"GET", "/api/consumers/{vhost}", list_consumers, kListQuery},

    {"GET", "/api/definitions", get_definitions},
    {"POST", "/api/definitions", post_definitions},
    {"GET", "/api/definitions/{vhost}", get_definitions},
    {"POST", "/api/definitions/{vhost}", post_definitions},
};

}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

std::string_view unknown_query(const Route& route, const HttpRequest& request) {
  for (const auto& [name, value] : request.query) {
    std::string_view known = route.query;
    bool found = false;
    while (!known.empty() && !found) {
      const auto end = known.find('|');
      found = known.substr(0, end) == name;
      known.remove_prefix(end == std::string_view::npos ? known.size() : end + 1);
    }
    if (!found) return name;
  }
  return {};
}

}  // namespace millrace::management
