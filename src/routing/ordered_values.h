// OrderedValues: a set that is walked in the order in which its members came, where one goes in
// constant time on average however many there are. A few are searched; more have an index.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/assert.h"

namespace millrace {

template <class Value, class Hash = std::hash<Value>>
class OrderedValues {
 public:
  // False when it is there already.
  bool insert(const Value& value) {
    if (position(value)) return false;
    if (index_) index_->emplace(value, places_.size());
    places_.emplace_back(value);
    ++size_;
    if (!index_ && places_.size() > kSearchedMax) make_index();
    return true;
  }
  // False when it is not there.
  bool erase(const Value& value) {
    const std::optional<std::size_t> at = position(value);
    if (!at) return false;
    if (index_) index_->erase(value);
    places_[*at].reset();
    --size_;
    // Holes are closed when they are half of all: each removal pays for two moves.
    if (size_ <= places_.size() / 2) close_holes();
    return true;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const std::optional<Value>& place : places_) {
      if (place) visit(*place);
    }
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr std::size_t kSearchedMax = 16;

  std::optional<std::size_t> position(const Value& value) const {
    if (index_) {
      auto found = index_->find(value);
      return found == index_->end() ? std::nullopt : std::optional(found->second);
    }
    for (std::size_t at = 0; at < places_.size(); ++at) {
      if (places_[at] == value) return at;
    }
    return std::nullopt;
  }
  void make_index() {
    index_ = std::make_unique<Index>();
    for (std::size_t at = 0; at < places_.size(); ++at) {
      if (places_[at]) index_->emplace(*places_[at], at);
    }
  }
  void close_holes() {
    std::erase(places_, std::nullopt);
    ASSERT(places_.size() == size_);
    places_.shrink_to_fit();
    index_.reset();
    if (size_ > kSearchedMax) make_index();
  }

  using Index = boost::unordered_flat_map<Value, std::size_t, Hash>;
  std::vector<std::optional<Value>> places_;
  std::unique_ptr<Index> index_;
  std::size_t size_ = 0;
};

}  // namespace millrace
