#include "routing/router.h"

#include <algorithm>

#include "base/assert.h"
#include "routing/key_index.h"

namespace millrace {

using routing::BindingNode;
using routing::ExchangeNode;
using routing::Node;
using routing::Tenant;

Router::Router() = default;
Router::~Router() = default;

void Router::add_queue(QueueId id, std::string_view tenant, std::string_view name) {
  auto queue = std::make_unique<Node>();
  queue->id = id.value();
  queue->tenant = &tenant_of(tenant);
  queue->name = name;
  const bool name_is_free = queue->tenant->queues.insert(queue.get()).second;
  ASSERT(name_is_free);
  const bool id_is_free = queues_.emplace(id, std::move(queue)).second;
  ASSERT(id_is_free);
}

void Router::add_exchange(ExchangeId id, ExchangeDeclaration declaration) {
  auto exchange = std::make_unique<ExchangeNode>();
  exchange->id = id.value();
  exchange->is_exchange = true;
  exchange->tenant = &tenant_of(declaration.tenant);
  exchange->name = std::move(declaration.name);
  exchange->kind = declaration.kind;
  exchange->alternate = std::move(declaration.alternate);
  if (exchange->kind == ExchangeKind::direct) {
    exchange->direct = std::make_unique<routing::DirectIndex>();
  } else if (exchange->kind == ExchangeKind::topic) {
    exchange->topic = std::make_unique<routing::TopicIndex>();
  }
  const bool name_is_free = exchange->tenant->exchanges.insert(exchange.get()).second;
  ASSERT(name_is_free);
  const bool id_is_free = exchanges_.emplace(id, std::move(exchange)).second;
  ASSERT(id_is_free);
}

Removed Router::remove_queue(QueueId id) {
  Removed removed;
  auto found = queues_.find(id);
  if (found == queues_.end()) return removed;
  removed.existed = true;
  drop_incoming(*found->second, removed);
  leave_tenant(*found->second);
  queues_.erase(found);
  return removed;
}

Removed Router::remove_exchange(ExchangeId id) {
  Removed removed;
  auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return removed;
  removed.existed = true;
  ExchangeNode& exchange = *found->second;
  // Those from it first: what then leads to it comes from others.
  for (; !exchange.outgoing.empty(); ++removed.bindings) drop(exchange.outgoing.front());
  drop_incoming(exchange, removed);
  leave_tenant(exchange);
  exchanges_.erase(found);
  return removed;
}

void Router::drop_incoming(Node& node, Removed& removed) {
  for (; !node.incoming.empty(); ++removed.bindings) {
    BindingNode& binding = node.incoming.front();
    const ExchangeNode& source = *binding.source;
    drop(binding);
    if (source.outgoing.empty()) removed.emptied.emplace_back(source.id);
  }
}

bool Router::bind(Binding binding) {
  const std::size_t hash = hash_of(binding);
  if (bindings_.contains(SameBinding::Sought{binding, hash})) return false;
  auto source = exchanges_.find(binding.source);
  Node* destination = find_node(binding.destination);
  ASSERT(source != exchanges_.end() && destination != nullptr);

  auto node = std::make_unique<BindingNode>(std::move(binding));
  node->source = source->second.get();
  node->destination = destination;
  node->hash = hash;
  node->sequence = next_sequence_++;
  node->headers_mode = headers_mode(node->binding.arguments).value_or(HeadersMode::all);
  node->source->outgoing.push_back(*node);
  node->destination->incoming.push_back(*node);
  if (node->source->direct) node->source->direct->add(*node);
  if (node->source->topic) node->source->topic->add(*node);
  bindings_.insert(std::move(node));
  return true;
}

bool Router::unbind(const Binding& binding) {
  auto found = bindings_.find(SameBinding::Sought{binding, hash_of(binding)});
  if (found == bindings_.end()) return false;
  drop(**found);
  return true;
}

void Router::drop(BindingNode& binding) {
  ExchangeNode& source = *binding.source;
  if (source.direct) source.direct->remove(binding);
  if (source.topic) source.topic->remove(binding);
  source.outgoing.erase(source.outgoing.iterator_to(binding));
  binding.destination->incoming.erase(binding.destination->incoming.iterator_to(binding));
  auto owned = bindings_.find(&binding);
  ASSERT(owned != bindings_.end());
  bindings_.erase(owned);
}

Tenant& Router::tenant_of(std::string_view name) {
  auto found = tenants_.find(name);
  if (found == tenants_.end()) {
    found = tenants_.emplace(std::string(name), std::make_unique<Tenant>()).first;
    found->second->name = name;
  }
  return *found->second;
}

void Router::leave_tenant(Node& node) {
  Tenant& tenant = *node.tenant;
  const std::size_t left = (node.is_exchange ? tenant.exchanges : tenant.queues).erase(&node);
  ASSERT(left == 1);
  if (!tenant.queues.empty() || !tenant.exchanges.empty()) return;
  tenants_.erase(tenants_.find(tenant.name));
}

const Tenant* Router::find_tenant(std::string_view name) const {
  auto found = tenants_.find(name);
  return found == tenants_.end() ? nullptr : found->second.get();
}

Node* Router::find_node(const Destination& destination) const {
  if (const auto* exchange_id = std::get_if<ExchangeId>(&destination)) {
    auto found = exchanges_.find(*exchange_id);
    return found == exchanges_.end() ? nullptr : found->second.get();
  }
  auto found = queues_.find(std::get<QueueId>(destination));
  return found == queues_.end() ? nullptr : found->second.get();
}

std::optional<QueueId> Router::find_queue(std::string_view tenant, std::string_view name) const {
  const Tenant* home = find_tenant(tenant);
  if (home == nullptr) return std::nullopt;
  auto found = home->queues.find(name);
  if (found == home->queues.end()) return std::nullopt;
  return QueueId((*found)->id);
}

std::optional<ExchangeId> Router::find_exchange(std::string_view tenant,
                                                std::string_view name) const {
  const Tenant* home = find_tenant(tenant);
  if (home == nullptr) return std::nullopt;
  auto found = home->exchanges.find(name);
  if (found == home->exchanges.end()) return std::nullopt;
  return ExchangeId((*found)->id);
}

bool Router::has_bindings(ExchangeId exchange) const {
  auto found = exchanges_.find(exchange);
  return found != exchanges_.end() && !found->second->outgoing.empty();
}

std::vector<const Binding*> Router::bindings() const {
  std::vector<const BindingNode*> nodes;
  nodes.reserve(bindings_.size());
  for (const auto& node : bindings_) nodes.push_back(node.get());
  std::ranges::sort(nodes, {}, &BindingNode::sequence);
  std::vector<const Binding*> listed;
  listed.reserve(nodes.size());
  for (const BindingNode* node : nodes) listed.push_back(&node->binding);
  return listed;
}

std::vector<const Binding*> Router::bindings_from(ExchangeId source) const {
  std::vector<const Binding*> listed;
  auto found = exchanges_.find(source);
  if (found == exchanges_.end()) return listed;
  for (const BindingNode& node : found->second->outgoing) listed.push_back(&node.binding);
  return listed;
}

std::vector<const Binding*> Router::bindings_to(const Destination& destination) const {
  std::vector<const Binding*> listed;
  const Node* found = find_node(destination);
  if (found == nullptr) return listed;
  for (const BindingNode& node : found->incoming) listed.push_back(&node.binding);
  return listed;
}

Router::Size Router::size() const {
  Size size{tenants_.size(), queues_.size(), exchanges_.size(), bindings_.size(), 0};
  for (const auto& [id, exchange] : exchanges_) {
    if (exchange->direct) size.index_entries += exchange->direct->size();
    if (exchange->topic) size.index_entries += exchange->topic->size();
  }
  return size;
}

}  // namespace millrace
