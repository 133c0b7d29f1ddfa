// The bindings of a direct or a topic exchange by their keys. Both hold one binding a key, the
// oldest; the others of that key hang on its ring (nodes.h).
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <string_view>
#include <vector>

#include "routing/nodes.h"
#include "routing/wildcard_tree.h"

namespace millrace::routing {

class DirectIndex {
 public:
  void add(BindingNode& binding);
  void remove(BindingNode& binding);
  template <class Visit>
  void match(std::string_view key, Visit&& visit) const {
    auto found = by_key_.find(key);
    if (found != by_key_.end()) for_each_in_ring(**found, visit);
  }
  std::size_t size() const { return by_key_.size(); }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
    std::size_t operator()(const BindingNode* node) const { return (*this)(node->binding.key); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const BindingNode* a, const BindingNode* b) const {
      return a->binding.key == b->binding.key;
    }
    bool operator()(const BindingNode* a, std::string_view b) const { return a->binding.key == b; }
    bool operator()(std::string_view a, const BindingNode* b) const { return a == b->binding.key; }
  };
  boost::unordered_flat_set<BindingNode*, KeyHash, KeyEqual> by_key_;
};

class TopicIndex {
 public:
  TopicIndex() : tree_(kAmqpWildcards) {}
  void add(BindingNode& binding);
  void remove(BindingNode& binding);
  template <class Visit>
  void match(std::string_view key, Visit&& visit) {
    for (const PatternId id : tree_.match(key)) for_each_in_ring(*oldest_[id.value()], visit);
  }
  // Beside the root and with the words: 0 when there are no patterns.
  std::size_t size() const { return tree_.node_count() - 1 + tree_.word_count(); }

 private:
  WildcardTree tree_;
  std::vector<BindingNode*> oldest_;  // by PatternId
};

}  // namespace millrace::routing
