// WildcardTrie: (pattern, value) pairs, and the values whose patterns match a key.
//
//   WildcardTrie<SubscriptionId> subscriptions(kNatsWildcards);
//   subscriptions.insert("orders.*.created", subscription);
//   subscriptions.match("orders.eu.created", [&](SubscriptionId id) { ... });
//
// A value may stand under many patterns, and is then visited once for each that matches. What is
// inserted or removed costs its words; nothing depends on how many other pairs there are.
#pragma once

#include <string_view>
#include <vector>

#include "routing/ordered_values.h"
#include "routing/wildcard_tree.h"

namespace millrace {

template <class Value>
class WildcardTrie {
 public:
  explicit WildcardTrie(const WildcardDialect& dialect) : tree_(dialect) {}

  // False when the pair is there already.
  bool insert(std::string_view pattern, const Value& value) {
    const PatternId id = tree_.insert(pattern);
    if (id.value() >= values_.size()) values_.resize(id.value() + 1);
    const bool added = values_[id.value()].insert(value);
    pair_count_ += added;
    return added;
  }
  // False when there is no such pair.
  bool remove(std::string_view pattern, const Value& value) {
    const std::optional<PatternId> id = tree_.find(pattern);
    if (!id || !values_[id->value()].erase(value)) return false;
    if (values_[id->value()].empty()) tree_.remove(*id);
    --pair_count_;
    return true;
  }
  // Calls visit(value): the patterns in the order of WildcardTree::match(), the values of a pattern
  // in the order in which they came. Nothing may be inserted or removed meanwhile.
  template <class Visit>
  void match(std::string_view key, Visit&& visit) {
    for (const PatternId id : tree_.match(key)) values_[id.value()].for_each(visit);
  }
  std::size_t pair_count() const { return pair_count_; }
  const WildcardTree& tree() const { return tree_; }

 private:
  WildcardTree tree_;
  std::vector<OrderedValues<Value>> values_;  // by PatternId
  std::size_t pair_count_ = 0;
};

}  // namespace millrace
