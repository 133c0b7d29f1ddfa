#include "routing/key_index.h"

#include "base/assert.h"

namespace millrace::routing {

void DirectIndex::add(BindingNode& binding) {
  auto [found, is_new] = by_key_.insert(&binding);
  if (!is_new) join_ring(**found, binding);
}

void DirectIndex::remove(BindingNode& binding) {
  auto found = by_key_.find(&binding);
  ASSERT(found != by_key_.end());
  const bool was_oldest = *found == &binding;
  BindingNode* next = leave_ring(binding);
  if (!was_oldest) return;
  by_key_.erase(found);
  if (next != nullptr) by_key_.insert(next);
}

void TopicIndex::add(BindingNode& binding) {
  const std::size_t pattern = tree_.insert(binding.binding.key).value();
  if (pattern >= oldest_.size()) oldest_.resize(pattern + 1);
  if (oldest_[pattern] == nullptr) {
    oldest_[pattern] = &binding;
  } else {
    join_ring(*oldest_[pattern], binding);
  }
}

void TopicIndex::remove(BindingNode& binding) {
  const std::optional<PatternId> pattern = tree_.find(binding.binding.key);
  ASSERT(pattern);
  BindingNode*& oldest = oldest_[pattern->value()];
  BindingNode* next = leave_ring(binding);
  if (oldest != &binding) return;
  oldest = next;
  if (next == nullptr) tree_.remove(*pattern);
}

}  // namespace millrace::routing
