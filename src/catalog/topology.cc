#include "catalog/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/canonical_value.h"

namespace millrace {
namespace {

struct Predeclared {
  std::string_view name;
  ExchangeType type;
  bool internal = false;
};
// In the order of their ids.
constexpr std::array<Predeclared, kPredeclaredExchanges> kPredeclared = {{
    {"", ExchangeType::direct},
    {"amq.direct", ExchangeType::direct},
    {"amq.fanout", ExchangeType::fanout},
    {"amq.topic", ExchangeType::topic},
    {"amq.headers", ExchangeType::headers},
    {"amq.match", ExchangeType::headers},
    {"amq.rabbitmq.trace", ExchangeType::topic, true},
}};

constexpr std::string_view kReservedPrefix = "amq.";

std::optional<ExchangeType> exchange_type(std::string_view name) {
  for (auto type :
       {ExchangeType::direct, ExchangeType::fanout, ExchangeType::topic, ExchangeType::headers}) {
    if (name_of(type) == name) return type;
  }
  return std::nullopt;
}

std::unexpected<Error> no_exchange(std::string_view tenant, std::string_view name) {
  return fail(ErrorCode::not_found, fmt::format("no exchange '{}' in vhost '{}'", name, tenant));
}

std::unexpected<Error> no_queue(std::string_view tenant, std::string_view name) {
  return fail(ErrorCode::not_found, fmt::format("no queue '{}' in vhost '{}'", name, tenant));
}

std::unexpected<Error> reserved(std::string_view kind, std::string_view name) {
  return fail(ErrorCode::access_refused,
              fmt::format("{} name '{}' contains reserved prefix 'amq.*'", kind, name));
}

std::string text_of(const Value* value) {
  if (!value) return "none";
  if (auto integer = value->as_integer()) return fmt::format("'{}'", *integer);
  if (auto flag = value->as_bool()) return *flag ? "'true'" : "'false'";
  if (const std::string* text = value->as_text()) return fmt::format("'{}'", *text);
  return fmt::format("a {}", value->type_name());
}

// Compares a declaration with what is there.
class Equivalence {
 public:
  Equivalence(std::string_view kind, std::string_view tenant, std::string_view name)
      : kind_(kind), tenant_(tenant), name_(name) {}

  void compare(std::string_view argument, std::string_view received, std::string_view current) {
    if (received == current) return;
    differ(argument, fmt::format("'{}'", received), fmt::format("'{}'", current));
  }
  void compare(std::string_view argument, bool received, bool current) {
    compare(argument, std::string_view(received ? "true" : "false"),
            std::string_view(current ? "true" : "false"));
  }
  void compare(std::string_view argument, const ValueTable& received, const ValueTable& current) {
    const Value* a = received.find(argument);
    const Value* b = current.find(argument);
    if ((!a && !b) || (a && b && same_value(*a, *b))) return;
    differ(argument, text_of(a), text_of(b));
  }
  Result<void> result() const { return result_; }

 private:
  void differ(std::string_view argument, std::string_view received, std::string_view current) {
    if (!result_) return;
    result_ = fail(ErrorCode::precondition_failed,
                   fmt::format("inequivalent arg '{}' for {} '{}' in vhost '{}': received {} but "
                               "current is {}",
                               argument, kind_, name_, tenant_, received, current));
  }
  std::string_view kind_;
  std::string_view tenant_;
  std::string_view name_;
  Result<void> result_;
};

Result<void> check_same(const DeclareExchange& command, const ExchangeInfo& there) {
  Equivalence same("exchange", there.tenant, there.name);
  same.compare("type", command.type, name_of(there.type));
  same.compare("durable", command.durable, there.durable);
  same.compare("auto_delete", command.auto_delete, there.auto_delete);
  same.compare("internal", command.internal, there.internal);
  same.compare("alternate-exchange", command.arguments, there.arguments);
  return same.result();
}

Result<void> check_same(const DeclareQueue& command, const QueueInfo& there) {
  Equivalence same("queue", there.tenant, there.name);
  same.compare("durable", command.durable, there.durable);
  same.compare("auto_delete", command.auto_delete, there.auto_delete);
  for (const ValueTable* table : {&command.arguments, &there.arguments}) {
    for (const auto& [name, value] : table->entries()) {
      if (is_compared_argument(name)) same.compare(name, command.arguments, there.arguments);
    }
  }
  return same.result();
}

std::unexpected<Error> locked(const QueueInfo& queue) {
  return fail(ErrorCode::resource_locked,
              fmt::format("cannot obtain exclusive access to locked queue '{}' in vhost '{}'. It "
                          "could be originally declared on another connection or the exclusive "
                          "property value does not match that of the original declaration.",
                          queue.name, queue.tenant));
}

Result<void> check_owner(const QueueInfo& queue, OwnerId owner) {
  if (!queue.exclusive || queue.owner == owner) return {};
  return locked(queue);
}

}  // namespace

std::string_view name_of(ExchangeType type) {
  constexpr std::string_view kNames[] = {"direct", "fanout", "topic", "headers"};
  return kNames[static_cast<std::size_t>(type)];
}

const std::string* ExchangeInfo::alternate() const {
  const Value* value = arguments.find("alternate-exchange");
  return value ? value->as_text() : nullptr;
}

std::vector<std::shared_ptr<const ExchangeInfo>> predeclared_exchanges(const TenantAdded& tenant) {
  std::vector<std::shared_ptr<const ExchangeInfo>> exchanges;
  for (std::size_t i = 0; i < kPredeclared.size(); ++i) {
    ExchangeInfo info;
    info.id = tenant.first_exchange + i;
    info.tenant = tenant.name;
    info.name = kPredeclared[i].name;
    info.type = kPredeclared[i].type;
    info.internal = kPredeclared[i].internal;
    exchanges.push_back(std::make_shared<const ExchangeInfo>(std::move(info)));
  }
  return exchanges;
}

bool Topology::Less::operator()(const BindingInfo& a, const BindingInfo& b) const {
  if (a.source != b.source) return a.source < b.source;
  if (a.destination != b.destination) return a.destination < b.destination;
  if (a.key != b.key) return a.key < b.key;
  if (a.arguments.empty() || b.arguments.empty()) {
    return a.arguments.empty() && !b.arguments.empty();
  }
  return canonical_text(a.arguments) < canonical_text(b.arguments);
}

Topology::Topology() { apply(TenantAdded{std::string(kDefaultTenant), kFirstPredeclared}); }

const Topology::Tenant* Topology::find_tenant(std::string_view name) const {
  auto found = tenants_.find(name);
  return found == tenants_.end() ? nullptr : &found->second;
}

std::shared_ptr<const ExchangeInfo> Topology::find_exchange(std::string_view tenant,
                                                            std::string_view name) const {
  const Tenant* in = find_tenant(tenant);
  if (!in) return nullptr;
  auto found = in->exchanges.find(name);
  return found == in->exchanges.end() ? nullptr : found->second;
}

std::shared_ptr<const QueueInfo> Topology::find_queue(std::string_view tenant,
                                                      std::string_view name) const {
  const Tenant* in = find_tenant(tenant);
  if (!in) return nullptr;
  auto found = in->queues.find(name);
  return found == in->queues.end() ? nullptr : found->second;
}

std::shared_ptr<const QueueInfo> Topology::find_queue(QueueId id) const {
  auto found = queues_.find(id);
  return found == queues_.end() ? nullptr : found->second;
}

std::shared_ptr<const ExchangeInfo> Topology::find_exchange(ExchangeId id) const {
  auto found = exchanges_.find(id);
  return found == exchanges_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<const ExchangeInfo>> Topology::exchange_of(std::string_view tenant,
                                                                  std::string_view name) const {
  auto exchange = find_exchange(tenant, name);
  if (!exchange) return no_exchange(tenant, name);
  return exchange;
}

Result<std::shared_ptr<const QueueInfo>> Topology::queue_of(std::string_view tenant,
                                                            std::string_view name,
                                                            OwnerId owner) const {
  auto queue = find_queue(tenant, name);
  if (!queue) return no_queue(tenant, name);
  TRY(check_owner(*queue, owner));
  return queue;
}

Topology::Decided Topology::decide(const DeclareExchange& command) const {
  if (!has_tenant(command.tenant)) {
    return fail(ErrorCode::not_found, fmt::format("no vhost '{}'", command.tenant));
  }
  auto type = exchange_type(command.type);
  if (!type) {
    return fail(ErrorCode::command_invalid,
                fmt::format("unknown exchange type '{}': there are direct, fanout, topic and "
                            "headers",
                            command.type));
  }
  if (auto there = find_exchange(command.tenant, command.name)) {
    TRY(check_same(command, *there));
    return std::vector<TopologyChange>{};
  }
  if (command.name.starts_with(kReservedPrefix)) return reserved("exchange", command.name);
  if (const Value* alternate = command.arguments.find("alternate-exchange")) {
    if (!alternate->as_text()) {
      return fail(ErrorCode::precondition_failed,
                  "invalid arg 'alternate-exchange': the name of an exchange is needed");
    }
  }
  ExchangeInfo info;
  info.id = ExchangeId(next_id_);
  info.tenant = command.tenant;
  info.name = command.name;
  info.type = *type;
  info.durable = command.durable;
  info.auto_delete = command.auto_delete;
  info.internal = command.internal;
  info.arguments = command.arguments;
  return std::vector<TopologyChange>{
      ExchangeAdded{std::make_shared<const ExchangeInfo>(std::move(info))}};
}

Topology::Decided Topology::decide(const DeleteExchange& command) const {
  std::vector<TopologyChange> changes;
  if (command.name.empty()) {
    return fail(ErrorCode::access_refused, "operation not permitted on the default exchange");
  }
  if (command.name.starts_with(kReservedPrefix)) return reserved("exchange", command.name);
  auto exchange = find_exchange(command.tenant, command.name);
  if (!exchange) return changes;
  if (command.if_unused && by_source_.contains(exchange->id)) {
    return fail(ErrorCode::precondition_failed,
                fmt::format("exchange '{}' in vhost '{}' in use", command.name, command.tenant));
  }
  changes.emplace_back(ExchangeRemoved{exchange->id});
  add_emptied(exchange->id, changes);
  return changes;
}

Topology::Decided Topology::decide(const DeclareQueue& command, PartitionInfo partition) const {
  if (!has_tenant(command.tenant)) {
    return fail(ErrorCode::not_found, fmt::format("no vhost '{}'", command.tenant));
  }
  auto config = parse_queue_config(command.arguments);
  if (auto there = find_queue(command.tenant, command.name)) {
    TRY(check_owner(*there, command.owner));
    if (command.exclusive != there->exclusive) return locked(*there);
    TRY(check_same(command, *there));
    return std::vector<TopologyChange>{};
  }
  if (!config) return std::unexpected(config.error());
  if (!command.is_generated && command.name.starts_with(kReservedPrefix)) {
    return reserved("queue", command.name);
  }
  if (config->type == QueueType::quorum && (!command.durable || command.exclusive)) {
    return fail(ErrorCode::precondition_failed,
                fmt::format("invalid property '{}' for queue '{}' in vhost '{}'",
                            command.durable ? "exclusive-owner" : "non-durable", command.name,
                            command.tenant));
  }
  QueueInfo info;
  info.id = QueueId(next_id_);
  info.tenant = command.tenant;
  info.name = command.name;
  info.durable = command.durable;
  info.exclusive = command.exclusive;
  info.auto_delete = command.auto_delete;
  if (command.exclusive) info.owner = command.owner;
  info.arguments = command.arguments;
  info.config = std::move(*config);
  info.topic = command.topic;
  info.partition = partition;
  return std::vector<TopologyChange>{
      QueueAdded{std::make_shared<const QueueInfo>(std::move(info))}};
}

Topology::Decided Topology::decide(const DeleteQueue& command) const {
  std::vector<TopologyChange> changes;
  auto queue =
      command.id.value() ? find_queue(command.id) : find_queue(command.tenant, command.name);
  if (!queue) return changes;
  if (!command.id.value()) TRY(check_owner(*queue, command.owner));
  changes.emplace_back(QueueRemoved{queue->id});
  add_emptied(queue->id, changes);
  return changes;
}

Topology::Decided Topology::decide(const ChangeBinding& command) const {
  std::vector<TopologyChange> changes;
  if (command.source.empty() || (!command.to_queue && command.destination.empty())) {
    return fail(ErrorCode::access_refused, "operation not permitted on the default exchange");
  }
  BindingInfo binding;
  if (command.to_queue) {
    auto queue = queue_of(command.tenant, command.destination, command.owner);
    if (!queue) return std::unexpected(queue.error());
    binding.destination = (*queue)->id;
  } else {
    auto exchange = exchange_of(command.tenant, command.destination);
    if (!exchange) return std::unexpected(exchange.error());
    binding.destination = (*exchange)->id;
  }
  auto source = exchange_of(command.tenant, command.source);
  if (!source) return std::unexpected(source.error());
  binding.source = (*source)->id;
  binding.key = command.key;
  binding.arguments = command.arguments;
  auto found = by_source_.find(binding.source);
  bool there = found != by_source_.end() && found->second.contains(binding);
  if (there != command.remove) return changes;
  if (!command.remove) {
    changes.emplace_back(BindingAdded{std::move(binding)});
    return changes;
  }
  bool was_last = found->second.size() == 1;
  changes.emplace_back(BindingRemoved{std::move(binding)});
  if (was_last && (*source)->auto_delete) {
    changes.emplace_back(ExchangeRemoved{(*source)->id});
    add_emptied((*source)->id, changes);
  }
  return changes;
}

Topology::Decided Topology::decide(const CreateTenant& command) const {
  std::vector<TopologyChange> changes;
  if (has_tenant(command.name)) return changes;
  if (command.name.empty() || command.name.find('\0') != std::string::npos) {
    return fail(ErrorCode::precondition_failed, "a vhost has a name, without a zero byte");
  }
  changes.emplace_back(TenantAdded{command.name, ExchangeId(next_id_)});
  return changes;
}

Topology::Decided Topology::decide(const DeleteTenant& command) const {
  std::vector<TopologyChange> changes;
  if (command.name == kDefaultTenant) {
    return fail(ErrorCode::not_allowed, "the default vhost can't be deleted");
  }
  const Tenant* tenant = find_tenant(command.name);
  if (!tenant) return changes;
  for (const auto& [name, queue] : tenant->queues) changes.emplace_back(QueueRemoved{queue->id});
  changes.emplace_back(TenantRemoved{command.name});
  return changes;
}

void Topology::add_emptied(const Destination& gone, std::vector<TopologyChange>& changes) const {
  std::map<ExchangeId, std::size_t> left;
  std::vector<Destination> worklist{gone};
  while (!worklist.empty()) {
    Destination destination = worklist.back();
    worklist.pop_back();
    auto sources = sources_of_.find(destination);
    if (sources == sources_of_.end()) continue;
    for (ExchangeId source : sources->second) {
      auto exchange = find_exchange(source);
      ASSERT(exchange);
      if (!exchange->auto_delete) continue;
      const Bindings& bindings = by_source_.at(source);
      auto [count, is_new] = left.try_emplace(source, bindings.size());
      if (!is_new && count->second == 0) continue;  // on the list already
      for (auto at = bindings.lower_bound(BindingInfo{source, destination, "", {}});
           at != bindings.end() && at->destination == destination; ++at) {
        --count->second;
      }
      if (count->second > 0 || Destination(source) == gone) continue;
      changes.emplace_back(ExchangeRemoved{source});
      worklist.emplace_back(source);
    }
  }
}

void Topology::remove_bindings_of(const Destination& gone) {
  if (const auto* exchange = std::get_if<ExchangeId>(&gone)) {
    if (auto own = by_source_.find(*exchange); own != by_source_.end()) {
      for (const BindingInfo& binding : own->second) {
        auto sources = sources_of_.find(binding.destination);
        if (sources == sources_of_.end()) continue;
        sources->second.erase(*exchange);
        if (sources->second.empty()) sources_of_.erase(sources);
      }
      by_source_.erase(own);
    }
  }
  auto sources = sources_of_.find(gone);
  if (sources == sources_of_.end()) return;
  for (ExchangeId source : sources->second) {
    Bindings& bindings = by_source_.at(source);
    std::erase_if(bindings, [&](const BindingInfo& each) { return each.destination == gone; });
    if (bindings.empty()) by_source_.erase(source);
  }
  sources_of_.erase(sources);
}

namespace {
std::uint64_t raw(QueueId id) { return id.value(); }
std::uint64_t raw(ExchangeId id) { return id.value(); }
}  // namespace

void Topology::apply(const TopologyChange& change) {
  if (const auto* added = std::get_if<TenantAdded>(&change)) {
    Tenant& tenant = tenants_[added->name];
    tenant.first_exchange = added->first_exchange;
    for (auto& exchange : predeclared_exchanges(*added)) {
      next_id_ = std::max(next_id_, raw(exchange->id) + 1);
      exchanges_[exchange->id] = exchange;
      tenant.exchanges[exchange->name] = exchange;
    }
  } else if (const auto* removed = std::get_if<TenantRemoved>(&change)) {
    auto found = tenants_.find(removed->name);
    ASSERT(found != tenants_.end() && found->second.queues.empty());
    for (const auto& [name, exchange] : found->second.exchanges) {
      remove_bindings_of(exchange->id);
      exchanges_.erase(exchange->id);
    }
    tenants_.erase(found);
  } else if (const auto* added_exchange = std::get_if<ExchangeAdded>(&change)) {
    const auto& exchange = added_exchange->exchange;
    next_id_ = std::max(next_id_, raw(exchange->id) + 1);
    exchanges_[exchange->id] = exchange;
    tenants_.find(exchange->tenant)->second.exchanges[exchange->name] = exchange;
  } else if (const auto* removed_exchange = std::get_if<ExchangeRemoved>(&change)) {
    auto exchange = find_exchange(removed_exchange->id);
    ASSERT(exchange);
    remove_bindings_of(exchange->id);
    exchanges_.erase(exchange->id);
    tenants_.find(exchange->tenant)->second.exchanges.erase(exchange->name);
  } else if (const auto* added_queue = std::get_if<QueueAdded>(&change)) {
    const auto& queue = added_queue->queue;
    next_id_ = std::max(next_id_, raw(queue->id) + 1);
    queues_[queue->id] = queue;
    tenants_.find(queue->tenant)->second.queues[queue->name] = queue;
  } else if (const auto* removed_queue = std::get_if<QueueRemoved>(&change)) {
    auto queue = find_queue(removed_queue->id);
    ASSERT(queue);
    remove_bindings_of(queue->id);
    queues_.erase(queue->id);
    tenants_.find(queue->tenant)->second.queues.erase(queue->name);
  } else if (const auto* bound = std::get_if<BindingAdded>(&change)) {
    by_source_[bound->binding.source].insert(bound->binding);
    sources_of_[bound->binding.destination].insert(bound->binding.source);
  } else {
    const BindingInfo& binding = std::get<BindingRemoved>(change).binding;
    auto bindings = by_source_.find(binding.source);
    ASSERT(bindings != by_source_.end());
    bindings->second.erase(binding);
    auto next =
        bindings->second.lower_bound(BindingInfo{binding.source, binding.destination, "", {}});
    if (next == bindings->second.end() || next->destination != binding.destination) {
      auto sources = sources_of_.find(binding.destination);
      sources->second.erase(binding.source);
      if (sources->second.empty()) sources_of_.erase(sources);
    }
    if (bindings->second.empty()) by_source_.erase(bindings);
  }
}

bool Topology::accepts(const TopologyChange& change) const {
  if (std::holds_alternative<TenantAdded>(change)) return true;
  if (const auto* removed = std::get_if<TenantRemoved>(&change)) {
    const Tenant* tenant = find_tenant(removed->name);
    return tenant && tenant->queues.empty();
  }
  if (const auto* exchange = std::get_if<ExchangeAdded>(&change)) {
    return has_tenant(exchange->exchange->tenant);
  }
  if (const auto* queue = std::get_if<QueueAdded>(&change)) {
    return has_tenant(queue->queue->tenant);
  }
  if (const auto* gone = std::get_if<ExchangeRemoved>(&change)) {
    return find_exchange(gone->id) != nullptr;
  }
  if (const auto* gone = std::get_if<QueueRemoved>(&change)) {
    return find_queue(gone->id) != nullptr;
  }
  const auto* added = std::get_if<BindingAdded>(&change);
  const BindingInfo& binding = added ? added->binding : std::get<BindingRemoved>(change).binding;
  if (!find_exchange(binding.source)) return false;
  const auto* queue = std::get_if<QueueId>(&binding.destination);
  bool to = queue ? find_queue(*queue) != nullptr
                  : find_exchange(std::get<ExchangeId>(binding.destination)) != nullptr;
  if (!to || added) return to;
  auto bindings = by_source_.find(binding.source);
  return bindings != by_source_.end() && bindings->second.contains(binding);
}

std::vector<TopologyChange> Topology::all() const {
  std::vector<TopologyChange> all;
  for (const auto& [name, tenant] : tenants_) {
    all.emplace_back(TenantAdded{name, tenant.first_exchange});
    ExchangeId end = tenant.first_exchange + kPredeclaredExchanges;
    for (const auto& [exchange_name, exchange] : tenant.exchanges) {
      bool is_predeclared = exchange->id >= tenant.first_exchange && exchange->id < end;
      if (!is_predeclared) all.emplace_back(ExchangeAdded{exchange});
    }
    for (const auto& [queue_name, queue] : tenant.queues) all.emplace_back(QueueAdded{queue});
  }
  for (const auto& [source, bindings] : by_source_) {
    for (const BindingInfo& binding : bindings) all.emplace_back(BindingAdded{binding});
  }
  return all;
}

std::vector<std::shared_ptr<const QueueInfo>> Topology::queues(std::string_view tenant) const {
  std::vector<std::shared_ptr<const QueueInfo>> found;
  for (const auto& [name, in] : tenants_) {
    if (!tenant.empty() && name != tenant) continue;
    for (const auto& [queue_name, queue] : in.queues) found.push_back(queue);
  }
  return found;
}

std::vector<std::shared_ptr<const ExchangeInfo>> Topology::exchanges(
    std::string_view tenant) const {
  std::vector<std::shared_ptr<const ExchangeInfo>> found;
  for (const auto& [name, in] : tenants_) {
    if (!tenant.empty() && name != tenant) continue;
    for (const auto& [exchange_name, exchange] : in.exchanges) found.push_back(exchange);
  }
  return found;
}

std::vector<std::string> Topology::tenants() const {
  std::vector<std::string> names;
  for (const auto& [name, tenant] : tenants_) names.push_back(name);
  return names;
}

std::vector<BindingInfo> Topology::bindings_from(ExchangeId source) const {
  auto found = by_source_.find(source);
  if (found == by_source_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<BindingInfo> Topology::bindings_to(QueueId destination) const {
  std::vector<BindingInfo> to;
  auto sources = sources_of_.find(destination);
  if (sources == sources_of_.end()) return to;
  for (ExchangeId source : sources->second) {
    const Bindings& bindings = by_source_.at(source);
    for (auto at = bindings.lower_bound(BindingInfo{source, destination, "", {}});
         at != bindings.end() && at->destination == Destination(destination); ++at) {
      to.push_back(*at);
    }
  }
  return to;
}

void Topology::snapshot(FieldWriter& out, std::uint32_t field) const {
  for (const TopologyChange& change : all()) {
    const auto* tenant = std::get_if<TenantAdded>(&change);
    if (tenant && tenant->name == kDefaultTenant) continue;
    FieldWriter message;
    encode(message, change);
    out.put_message(field, message);
  }
}

}  // namespace millrace
