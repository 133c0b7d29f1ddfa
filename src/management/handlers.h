// The handlers of the management API; routes.cc has the table of what they are for.
#pragma once

#include "management/api.h"
#include "management/json.h"

namespace millrace::management {

// overview.cc
Task<HttpAnswer> overview(Api& api, HttpRequest request);
Task<HttpAnswer> nodes(Api& api, HttpRequest request);
Task<HttpAnswer> node(Api& api, HttpRequest request);
Task<HttpAnswer> cluster_name(Api& api, HttpRequest request);
Task<HttpAnswer> extensions(Api& api, HttpRequest request);
Task<HttpAnswer> empty_list(Api& api, HttpRequest request);
Task<HttpAnswer> not_there(Api& api, HttpRequest request);

// health.cc
Task<HttpAnswer> check_alarms(Api& api, HttpRequest request);
Task<HttpAnswer> check_virtual_hosts(Api& api, HttpRequest request);
Task<HttpAnswer> check_port_listener(Api& api, HttpRequest request);
Task<HttpAnswer> check_protocol_listener(Api& api, HttpRequest request);
Task<HttpAnswer> check_good(Api& api, HttpRequest request);

// users.cc
Task<HttpAnswer> whoami(Api& api, HttpRequest request);
Task<HttpAnswer> list_users(Api& api, HttpRequest request);
Task<HttpAnswer> get_user(Api& api, HttpRequest request);
Task<HttpAnswer> list_permissions(Api& api, HttpRequest request);
Task<HttpAnswer> get_permission(Api& api, HttpRequest request);
Task<HttpAnswer> put_permission(Api& api, HttpRequest request);

// vhosts.cc
Task<HttpAnswer> list_vhosts(Api& api, HttpRequest request);
Task<HttpAnswer> get_vhost(Api& api, HttpRequest request);
Task<HttpAnswer> put_vhost(Api& api, HttpRequest request);
Task<HttpAnswer> delete_vhost(Api& api, HttpRequest request);

// exchanges.cc
Task<HttpAnswer> list_exchanges(Api& api, HttpRequest request);
Task<HttpAnswer> get_exchange(Api& api, HttpRequest request);
Task<HttpAnswer> put_exchange(Api& api, HttpRequest request);
Task<HttpAnswer> delete_exchange(Api& api, HttpRequest request);

// queues.cc
Task<HttpAnswer> list_queues(Api& api, HttpRequest request);
Task<HttpAnswer> get_queue(Api& api, HttpRequest request);
Task<HttpAnswer> put_queue(Api& api, HttpRequest request);
Task<HttpAnswer> delete_queue(Api& api, HttpRequest request);
Task<HttpAnswer> purge_queue(Api& api, HttpRequest request);

// bindings.cc
Task<HttpAnswer> list_bindings(Api& api, HttpRequest request);
Task<HttpAnswer> list_queue_bindings(Api& api, HttpRequest request);
Task<HttpAnswer> list_source_bindings(Api& api, HttpRequest request);
Task<HttpAnswer> list_destination_bindings(Api& api, HttpRequest request);
Task<HttpAnswer> list_bindings_between(Api& api, HttpRequest request);
Task<HttpAnswer> post_binding(Api& api, HttpRequest request);
Task<HttpAnswer> get_binding(Api& api, HttpRequest request);
Task<HttpAnswer> delete_binding(Api& api, HttpRequest request);

// messages.cc
Task<HttpAnswer> publish(Api& api, HttpRequest request);
Task<HttpAnswer> get_messages(Api& api, HttpRequest request);
Task<HttpAnswer> peek_messages(Api& api, HttpRequest request);

// connections.cc
Task<HttpAnswer> list_connections(Api& api, HttpRequest request);
Task<HttpAnswer> get_connection(Api& api, HttpRequest request);
Task<HttpAnswer> delete_connection(Api& api, HttpRequest request);
Task<HttpAnswer> list_channels(Api& api, HttpRequest request);
Task<HttpAnswer> list_consumers(Api& api, HttpRequest request);

// definitions.cc
Task<HttpAnswer> get_definitions(Api& api, HttpRequest request);
Task<HttpAnswer> post_definitions(Api& api, HttpRequest request);

}  // namespace millrace::management
