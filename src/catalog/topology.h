// Topology: tenants with their exchanges, queues and bindings; the part of the catalogue that says
// where a message goes. State of the CatalogMachine, on core 0; other cores are told the changes.
//
//   auto decided = topology.declare_queue(command, ids);      // changes, or what is wrong
//   for (const TopologyChange& change : decided->changes) topology.apply(change);
//
// A tenant is what AMQP calls a virtual host. Names are unique within it; "/" is the default one
// and is always there. Each tenant has the predeclared exchanges, whose ids are compiled in for the
// default tenant and given with the others.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "base/value.h"
#include "catalog/image.h"
#include "catalog/queue_config.h"

namespace millrace {

inline constexpr std::string_view kDefaultTenant = "/";

enum class ExchangeType : std::uint8_t { direct, fanout, topic, headers };
std::string_view name_of(ExchangeType type);

struct ExchangeInfo {
  ExchangeId id;
  std::string tenant;
  std::string name;
  ExchangeType type = ExchangeType::direct;
  bool durable = true;
  bool auto_delete = false;  // goes with its last binding
  bool internal = false;     // no client publishes to it
  ValueTable arguments;

  // Where goes what it can't route; a name, which nothing may have.
  const std::string* alternate() const;
};

// Names a connection in this run; nobody's is 0.
using OwnerId = StrongNumber<struct OwnerIdTag, std::uint64_t>;

struct QueueInfo {
  QueueId id;
  std::string tenant;
  std::string name;
  bool durable = true;
  bool exclusive = false;
  bool auto_delete = false;  // goes with its last consumer
  OwnerId owner{0};          // of an exclusive one
  ValueTable arguments;
  QueueConfig config;       // of the arguments
  TopicId topic{};          // holds its messages
  PartitionInfo partition;  // the only one of the topic

  // Of those that end with the run.
  bool is_temporary() const { return exclusive || !durable; }
};

struct BindingInfo {
  ExchangeId source;
  std::variant<QueueId, ExchangeId> destination;
  std::string key;
  ValueTable arguments;
};

struct TenantAdded {
  std::string name;
  ExchangeId first_exchange;  // of the predeclared ones, which have ids in a row
};
struct TenantRemoved {
  std::string name;
};
struct ExchangeAdded {
  std::shared_ptr<const ExchangeInfo> exchange;
};
// Its bindings go with it, as with a queue.
struct ExchangeRemoved {
  ExchangeId id;
};
struct QueueAdded {
  std::shared_ptr<const QueueInfo> queue;
};
struct QueueRemoved {
  QueueId id;
};
struct BindingAdded {
  BindingInfo binding;
};
struct BindingRemoved {
  BindingInfo binding;
};
using TopologyChange = std::variant<TenantAdded, TenantRemoved, ExchangeAdded, ExchangeRemoved,
                                    QueueAdded, QueueRemoved, BindingAdded, BindingRemoved>;

void encode(FieldWriter& out, const TopologyChange& change);
// False: damaged.
bool decode(ByteView bytes, TopologyChange& change);

// The exchanges that every tenant has.
std::vector<std::shared_ptr<const ExchangeInfo>> predeclared_exchanges(const TenantAdded& tenant);
// How many ids they take.
inline constexpr std::uint64_t kPredeclaredExchanges = 7;
inline constexpr ExchangeId kFirstPredeclared{1};  // of the default tenant
inline constexpr std::uint64_t kFirstTopologyId = 1000;

struct DeclareExchange {
  std::string tenant;
  std::string name;
  std::string type;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  ValueTable arguments;
};

struct DeleteExchange {
  std::string tenant;
  std::string name;
  bool if_unused = false;
};

struct DeclareQueue {
  std::string tenant;
  std::string name;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  OwnerId owner{0};  // who declares
  ValueTable arguments;
  TopicId topic{};            // of the topic that will hold its messages
  bool is_generated = false;  // its name is the broker's
};

// Whether it is used or empty is for its core to say.
struct DeleteQueue {
  std::string tenant;
  std::string name;
  OwnerId owner{0};
  QueueId id{0};  // not 0: only when it is still this one
};

struct ChangeBinding {
  std::string tenant;
  std::string source;
  std::string destination;
  bool to_queue = true;
  std::string key;
  ValueTable arguments;
  OwnerId owner{0};
  bool remove = false;
};

struct CreateTenant {
  std::string name;
};
struct DeleteTenant {
  std::string name;
};

class Topology {
 public:
  Topology();

  // What these would change, in order; nothing when it is so already. Errors: precondition_failed,
  // not_found, access_refused, resource_locked, command_invalid, not_allowed.
  using Decided = Result<std::vector<TopologyChange>>;
  Decided decide(const DeclareExchange& command) const;
  Decided decide(const DeleteExchange& command) const;
  // With the id of the partition that is to hold its messages.
  Decided decide(const DeclareQueue& command, PartitionInfo partition) const;
  Decided decide(const DeleteQueue& command) const;
  Decided decide(const ChangeBinding& command) const;
  Decided decide(const CreateTenant& command) const;
  Decided decide(const DeleteTenant& command) const;

  void apply(const TopologyChange& change);
  // Whether the names and ids that the change builds on are there: what is read from a disk.
  bool accepts(const TopologyChange& change) const;
  // The id that the next exchange or queue gets; what was given is never given again.
  std::uint64_t next_id() const { return next_id_; }
  void set_next_id(std::uint64_t id) { next_id_ = id; }
  void snapshot(FieldWriter& out, std::uint32_t field) const;

  bool has_tenant(std::string_view name) const { return tenants_.contains(name); }
  std::shared_ptr<const ExchangeInfo> find_exchange(std::string_view tenant,
                                                    std::string_view name) const;
  std::shared_ptr<const QueueInfo> find_queue(std::string_view tenant, std::string_view name) const;
  std::shared_ptr<const QueueInfo> find_queue(QueueId id) const;
  std::shared_ptr<const ExchangeInfo> find_exchange(ExchangeId id) const;

  // Everything, in an order in which it can be applied to an empty one.
  std::vector<TopologyChange> all() const;
  // Of one tenant, or of all when it is empty; by name.
  std::vector<std::shared_ptr<const QueueInfo>> queues(std::string_view tenant) const;
  std::vector<std::shared_ptr<const ExchangeInfo>> exchanges(std::string_view tenant) const;
  std::vector<std::string> tenants() const;
  std::vector<BindingInfo> bindings_from(ExchangeId source) const;
  std::vector<BindingInfo> bindings_to(QueueId destination) const;

 private:
  using Destination = std::variant<QueueId, ExchangeId>;
  struct Less {
    using is_transparent = void;
    bool operator()(const BindingInfo& a, const BindingInfo& b) const;
  };
  using Bindings = std::set<BindingInfo, Less>;
  struct Tenant {
    ExchangeId first_exchange;
    std::map<std::string, std::shared_ptr<const ExchangeInfo>, std::less<>> exchanges;
    std::map<std::string, std::shared_ptr<const QueueInfo>, std::less<>> queues;
  };

  const Tenant* find_tenant(std::string_view name) const;
  Result<std::shared_ptr<const ExchangeInfo>> exchange_of(std::string_view tenant,
                                                          std::string_view name) const;
  Result<std::shared_ptr<const QueueInfo>> queue_of(std::string_view tenant, std::string_view name,
                                                    OwnerId owner) const;
  // Exchanges that go because their last binding does, with this destination.
  void add_emptied(const Destination& gone, std::vector<TopologyChange>& changes) const;
  void remove_bindings_of(const Destination& gone);
  std::uint64_t next_id_ = kFirstTopologyId;
  std::map<std::string, Tenant, std::less<>> tenants_;
  std::unordered_map<ExchangeId, std::shared_ptr<const ExchangeInfo>> exchanges_;
  std::unordered_map<QueueId, std::shared_ptr<const QueueInfo>> queues_;
  std::map<ExchangeId, Bindings> by_source_;
  std::map<Destination, std::set<ExchangeId>> sources_of_;  // sources with a binding to it
};

}  // namespace millrace
