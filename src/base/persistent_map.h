// PersistentMap: an ordered map whose copies share what they have in common: a copy costs nothing,
// and a change O(log n) new nodes, however many copies there are. For what one core changes and
// all cores read a snapshot of.
//
//   PersistentMap<std::string, int> map;
//   map.set("a", 1);
//   auto snapshot = map;                        // O(1)
//   map.set("b", 2);                            // the snapshot does not see it
//   if (const int* value = map.find("a")) ...
//   for (const auto& [key, value] : map) ...    // in the order of the keys
//
// An AVL tree whose nodes never change. Nodes may be shared between threads, a map may not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace millrace {

template <class Key, class Value>
class PersistentMap {
  struct Node;
  using Link = std::shared_ptr<const Node>;
  using Entry = std::pair<const Key, Value>;
  struct Node {
    Entry entry;
    int height;
    Link left;
    Link right;
  };

 public:
  // Null when it is not there. Valid while this map, or a copy that has it, is unchanged.
  template <class Like>
  const Value* find(const Like& key) const {
    const Node* node = root_.get();
    while (node) {
      if (less(key, node->entry.first)) {
        node = node->left.get();
      } else if (less(node->entry.first, key)) {
        node = node->right.get();
      } else {
        return &node->entry.second;
      }
    }
    return nullptr;
  }
  // New, or in the place of the old one.
  void set(const Key& key, Value value) {
    if (!find(key)) ++size_;
    root_ = with(root_, key, std::move(value));
  }
  // False: it was not there.
  bool erase(const Key& key) {
    if (!find(key)) return false;
    root_ = without(root_, key);
    --size_;
    return true;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  class Iterator {
   public:
    const Entry& operator*() const { return path_.back()->entry; }
    const Entry* operator->() const { return &path_.back()->entry; }
    Iterator& operator++() {
      const Node* node = path_.back();
      path_.pop_back();
      descend(node->right.get());
      return *this;
    }
    bool operator==(const Iterator& other) const { return path_ == other.path_; }

   private:
    friend class PersistentMap;
    void descend(const Node* node) {
      for (; node; node = node->left.get()) path_.push_back(node);
    }
    std::vector<const Node*> path_;  // the next one, and those whose left sides it is in
  };
  Iterator begin() const {
    Iterator first;
    first.descend(root_.get());
    return first;
  }
  Iterator end() const { return {}; }

 private:
  template <class A, class B>
  static bool less(const A& a, const B& b) {
    return std::less<>()(a, b);
  }
  static int height(const Link& node) { return node ? node->height : 0; }
  static Link join(const Entry& entry, Link left, Link right) {
    const int height_of = 1 + std::max(height(left), height(right));
    return std::make_shared<const Node>(Node{entry, height_of, std::move(left), std::move(right)});
  }
  // Whose sides differ by two at most.
  static Link balanced(const Entry& entry, Link left, Link right) {
    if (height(left) > height(right) + 1) {
      if (height(left->left) >= height(left->right)) {
        return join(left->entry, left->left, join(entry, left->right, std::move(right)));
      }
      const Link& middle = left->right;
      return join(middle->entry, join(left->entry, left->left, middle->left),
                  join(entry, middle->right, std::move(right)));
    }
    if (height(right) > height(left) + 1) {
      if (height(right->right) >= height(right->left)) {
        return join(right->entry, join(entry, std::move(left), right->left), right->right);
      }
      const Link& middle = right->left;
      return join(middle->entry, join(entry, std::move(left), middle->left),
                  join(right->entry, middle->right, right->right));
    }
    return join(entry, std::move(left), std::move(right));
  }
  static Link with(const Link& node, const Key& key, Value value) {
    if (!node) return join(Entry(key, std::move(value)), {}, {});
    if (less(key, node->entry.first)) {
      return balanced(node->entry, with(node->left, key, std::move(value)), node->right);
    }
    if (less(node->entry.first, key)) {
      return balanced(node->entry, node->left, with(node->right, key, std::move(value)));
    }
    return join(Entry(key, std::move(value)), node->left, node->right);
  }
  static Link without(const Link& node, const Key& key) {
    if (less(key, node->entry.first)) {
      return balanced(node->entry, without(node->left, key), node->right);
    }
    if (less(node->entry.first, key)) {
      return balanced(node->entry, node->left, without(node->right, key));
    }
    if (!node->left) return node->right;
    if (!node->right) return node->left;
    const Node* next = node->right.get();
    while (next->left) next = next->left.get();
    return balanced(next->entry, node->left, without(node->right, next->entry.first));
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace millrace
