// Router: which queues a message goes to. Each core holds one, a replica of what the catalogue
// knows, told of every change; each change costs its own size and not that of what is there.
//
//   Router router;
//   router.add_queue(QueueId(1), "/", "invoices");
//   router.add_exchange(ExchangeId(2), {.tenant = "/", .name = "orders",
//                                       .kind = ExchangeKind::topic});
//   router.bind({ExchangeId(2), QueueId(1), "order.*.paid", {}});
//   Targets targets;                                          // kept for the next message
//   router.route(ExchangeId(2), {.key = "order.17.paid"}, targets);      // QueueId(1)
//
// The rules are RabbitMQ's:
// - A queue gets a message once, however many of its bindings match.
// - An exchange bound to another passes on what matches; each is asked at most once, so circles
// end.
// - When nothing matches in an exchange (neither a queue nor another exchange), the message goes to
//   its alternate exchange if one of that name exists then; so also further down the way.
// - Every queue is bound by its name to the default exchange, which is the one named ""; that is no
//   binding here. It may be added like others, but need not: ask route_to_default().
//
// Targets come in the order of the first match: exchange by exchange as they are reached; in one
// the keys in their order; for a key the bindings in the order in which they were made, or in a
// topic exchange the patterns in the order of WildcardTree::match(), each with its bindings in that
// order. Replicas that were told the same agree.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/binding.h"
#include "routing/nodes.h"

namespace millrace {

// Queues without duplicates. Allocates only beyond its inline places, and keeps that memory.
using Targets = boost::container::small_vector<QueueId, 16>;

// The headers of a message, asked for only when a headers exchange is on its way.
class HeaderSource {
 public:
  virtual ~HeaderSource() = default;
  virtual const ValueTable& headers() = 0;
};

// Decodes them once: LazyHeaders headers([&] { return decode_table(bytes); });
template <class Decode>
class LazyHeaders final : public HeaderSource {
 public:
  explicit LazyHeaders(Decode decode) : decode_(std::move(decode)) {}
  const ValueTable& headers() override {
    if (!headers_) headers_ = decode_();
    return *headers_;
  }

 private:
  Decode decode_;
  std::optional<ValueTable> headers_;
};

struct RoutedMessage {
  std::string_view key;
  std::span<const std::string_view> more_keys;  // of the headers CC and BCC
  HeaderSource* headers = nullptr;              // nullptr: it has none
};

struct ExchangeDeclaration {
  std::string tenant;
  std::string name;
  ExchangeKind kind = ExchangeKind::direct;
  // By name, in the same tenant; looked up when a message needs it, so it may come and go.
  std::optional<std::string> alternate;
};

// What went with a queue or an exchange.
struct Removed {
  bool existed = false;
  std::size_t bindings = 0;
  // Other exchanges that lost the last binding of which they were the source: those of them that
  // delete themselves are to go now.
  std::vector<ExchangeId> emptied;
};

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // The id and, within its tenant, the name are free.
  void add_queue(QueueId id, std::string_view tenant, std::string_view name);
  void add_exchange(ExchangeId id, ExchangeDeclaration declaration);
  // With all bindings from and to it. Nothing happens when it is not there.
  Removed remove_queue(QueueId id);
  Removed remove_exchange(ExchangeId id);

  // Between an exchange and a queue or exchange that are there. False when there is the same one
  // already (same_binding). An unknown x-match means "all" here: refuse it before.
  bool bind(Binding binding);
  // False when there is no such binding.
  bool unbind(const Binding& binding);

  std::optional<QueueId> find_queue(std::string_view tenant, std::string_view name) const;
  std::optional<ExchangeId> find_exchange(std::string_view tenant, std::string_view name) const;

  // Sets `targets` to the queues. False when there is no such exchange.
  bool route(ExchangeId exchange, const RoutedMessage& message, Targets& targets);
  void route_to_default(std::string_view tenant, const RoutedMessage& message, Targets& targets);

  // Whether it is the source of a binding.
  bool has_bindings(ExchangeId exchange) const;
  // In the order in which they were made; valid until the next change.
  std::vector<const Binding*> bindings() const;
  std::vector<const Binding*> bindings_from(ExchangeId source) const;
  std::vector<const Binding*> bindings_to(const Destination& destination) const;

  struct Size {
    std::size_t tenants = 0;
    std::size_t queues = 0;
    std::size_t exchanges = 0;
    std::size_t bindings = 0;
    std::size_t index_entries = 0;  // keys, places and words of the key indexes
    bool operator==(const Size&) const = default;
  };
  // Counts what is there; takes as long as there are exchanges.
  Size size() const;

 private:
  using Node = routing::Node;
  using ExchangeNode = routing::ExchangeNode;
  using BindingNode = routing::BindingNode;
  using Tenant = routing::Tenant;
  struct Way;

  struct TenantHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  struct SameBinding {
    using is_transparent = void;
    using Owned = std::unique_ptr<BindingNode>;
    // A binding with its hash, which is computed once.
    struct Sought {
      const Binding& binding;
      std::size_t hash;
    };
    std::size_t operator()(const Owned& node) const { return node->hash; }
    std::size_t operator()(const BindingNode* node) const { return node->hash; }
    std::size_t operator()(const Sought& sought) const { return sought.hash; }
  };
  struct EqualBinding {
    using is_transparent = void;
    using Owned = SameBinding::Owned;
    bool operator()(const Owned& a, const Owned& b) const { return a == b; }
    bool operator()(const BindingNode* a, const Owned& b) const { return a == b.get(); }
    bool operator()(const Owned& a, const BindingNode* b) const { return a.get() == b; }
    bool operator()(const SameBinding::Sought& a, const Owned& b) const {
      return a.hash == b->hash && same_binding(a.binding, b->binding);
    }
    bool operator()(const Owned& a, const SameBinding::Sought& b) const { return (*this)(b, a); }
  };

  Tenant& tenant_of(std::string_view name);
  void leave_tenant(Node& node);
  const Tenant* find_tenant(std::string_view name) const;
  Node* find_node(const Destination& destination) const;
  void drop(BindingNode& binding);
  void drop_incoming(Node& node, Removed& removed);

  void follow(Way& way);
  void match(ExchangeNode& exchange, Way& way);
  template <class Index>
  void match_keys(Index& index, Way& way);
  void match_headers(ExchangeNode& exchange, Way& way);
  void reach(Node& node, Way& way);
  void reach_by_default(const Tenant& tenant, Way& way);
  void reach_alternate(ExchangeNode& exchange, Way& way);

  boost::unordered_flat_map<QueueId, std::unique_ptr<Node>, std::hash<QueueId>> queues_;
  boost::unordered_flat_map<ExchangeId, std::unique_ptr<ExchangeNode>, std::hash<ExchangeId>>
      exchanges_;
  boost::unordered_flat_set<std::unique_ptr<BindingNode>, SameBinding, EqualBinding> bindings_;
  boost::unordered_flat_map<std::string, std::unique_ptr<Tenant>, TenantHash, std::equal_to<>>
      tenants_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t message_number_ = 0;
  std::vector<ExchangeNode*> pending_;  // of the running route(), kept for its memory
};

}  // namespace millrace
