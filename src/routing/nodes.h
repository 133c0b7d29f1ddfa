// What a Router is made of: queues and exchanges, and between them bindings, each of which stands
// in two lists (of its source, of its destination) and in a ring of those of its source that have
// the same key. So whatever is removed finds what hangs on it without a search.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "routing/binding.h"
#include "routing/headers_match.h"

namespace millrace {

enum class ExchangeKind : std::uint8_t { direct, fanout, topic, headers };

namespace routing {

struct Node;
struct ExchangeNode;

namespace intrusive = boost::intrusive;
template <class Tag>
using Hook =
    intrusive::list_base_hook<intrusive::tag<Tag>, intrusive::link_mode<intrusive::normal_link>>;
using SourceHook = Hook<struct BySource>;
using DestinationHook = Hook<struct ByDestination>;

struct BindingNode : SourceHook, DestinationHook {
  explicit BindingNode(Binding made) : binding(std::move(made)) {}
  BindingNode(const BindingNode&) = delete;
  BindingNode& operator=(const BindingNode&) = delete;

  Binding binding;
  ExchangeNode* source = nullptr;
  Node* destination = nullptr;
  std::size_t hash = 0;        // hash_of(binding)
  std::uint64_t sequence = 0;  // the order in which bindings were made
  BindingNode* key_next = this;
  BindingNode* key_previous = this;
  HeadersMode headers_mode = HeadersMode::all;
};

// In the order in which they were made.
template <class ListHook>
using BindingList = intrusive::list<BindingNode, intrusive::base_hook<ListHook>,
                                    intrusive::constant_time_size<false>>;

// The bindings of one key, as a key index knows them: by the oldest one.
inline void join_ring(BindingNode& oldest, BindingNode& binding) {
  binding.key_next = &oldest;
  binding.key_previous = oldest.key_previous;
  binding.key_previous->key_next = &binding;
  oldest.key_previous = &binding;
}

// The oldest that is left when `binding` was it; nullptr when it was alone.
inline BindingNode* leave_ring(BindingNode& binding) {
  BindingNode* next = binding.key_next == &binding ? nullptr : binding.key_next;
  binding.key_previous->key_next = binding.key_next;
  binding.key_next->key_previous = binding.key_previous;
  binding.key_next = binding.key_previous = &binding;
  return next;
}

template <class Visit>
void for_each_in_ring(BindingNode& oldest, Visit&& visit) {
  BindingNode* binding = &oldest;
  do {
    visit(*binding);
    binding = binding->key_next;
  } while (binding != &oldest);
}

struct Tenant;
class DirectIndex;
class TopicIndex;

// A queue or an exchange: what a binding can lead to.
struct Node {
  std::uint64_t id = 0;
  std::uint64_t reached = 0;  // the last message that came here
  bool is_exchange = false;
  Tenant* tenant = nullptr;
  std::string name;
  BindingList<DestinationHook> incoming;
};

struct ExchangeNode : Node {
  ExchangeKind kind = ExchangeKind::direct;
  std::optional<std::string> alternate;
  BindingList<SourceHook> outgoing;
  std::unique_ptr<DirectIndex> direct;  // of a direct one
  std::unique_ptr<TopicIndex> topic;    // of a topic one
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>{}(name);
  }
  std::size_t operator()(const Node* node) const { return (*this)(node->name); }
};

struct NameEqual {
  using is_transparent = void;
  bool operator()(const Node* a, const Node* b) const { return a->name == b->name; }
  bool operator()(const Node* a, std::string_view b) const { return a->name == b; }
  bool operator()(std::string_view a, const Node* b) const { return a == b->name; }
};

using NodesByName = boost::unordered_flat_set<Node*, NameHash, NameEqual>;

// Queues and exchanges are named apart: both may have one of the same name.
struct Tenant {
  std::string name;
  NodesByName queues;
  NodesByName exchanges;
};

}  // namespace routing
}  // namespace millrace
