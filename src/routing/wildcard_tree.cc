#include "routing/wildcard_tree.h"

#include "base/assert.h"

namespace millrace {

WildcardTree::WildcardTree(const WildcardDialect& dialect)
    : dialect_(dialect), nodes_(1), word_ids_(0, WordHash{&words_}, WordEqual{&words_}) {}

PatternId WildcardTree::insert(std::string_view pattern) {
  NodeIndex node = kRoot;
  for (Words words(pattern, dialect_.separator); words.more();) {
    const std::string_view text = words.next();
    const NodeIndex known = child(node, way(text));
    node = known != kNone ? known : add_child(node, text);
  }
  if (!nodes_[node].is_pattern) ++pattern_count_;
  nodes_[node].is_pattern = true;
  return PatternId(node);
}

std::optional<PatternId> WildcardTree::find(std::string_view pattern) const {
  NodeIndex node = kRoot;
  for (Words words(pattern, dialect_.separator); words.more();) {
    node = child(node, way(words.next()));
    if (node == kNone) return std::nullopt;
  }
  if (!nodes_[node].is_pattern) return std::nullopt;
  return PatternId(node);
}

void WildcardTree::remove(PatternId pattern) {
  NodeIndex node = pattern.value();
  ASSERT(node < nodes_.size() && nodes_[node].is_pattern);
  nodes_[node].is_pattern = false;
  --pattern_count_;
  while (node != kRoot && nodes_[node].children == 0 && !nodes_[node].is_pattern) {
    const NodeIndex parent = nodes_[node].parent;
    remove_leaf(node);
    node = parent;
  }
}

WildcardTree::WordId WildcardTree::find_word(std::string_view text) const {
  auto found = word_ids_.find(text);
  return found == word_ids_.end() ? kNoWord : *found;
}

WildcardTree::WordId WildcardTree::way(std::string_view text) const {
  if (text.size() == 1 && text[0] == dialect_.one) return kOneWord;
  if (text.size() == 1 && text[0] == dialect_.many) return kManyWords;
  return find_word(text);
}

WildcardTree::NodeIndex WildcardTree::child(NodeIndex node, WordId way) const {
  if (way == kOneWord) return nodes_[node].one;
  if (way == kManyWords) return nodes_[node].many;
  return way == kNoWord ? kNone : literal_child(node, way);
}

WildcardTree::NodeIndex WildcardTree::literal_child(NodeIndex index, WordId word) const {
  const Node& node = nodes_[index];
  if (node.first_word == word) return node.first_child;
  const std::uint32_t in_node =
      (node.first_child != kNone) + (node.one != kNone) + (node.many != kNone);
  if (node.children == in_node) return kNone;
  auto found = edges_.find(edge(index, word));
  return found == edges_.end() ? kNone : found->second;
}

WildcardTree::NodeIndex WildcardTree::add_child(NodeIndex parent, std::string_view text) {
  NodeIndex node = static_cast<NodeIndex>(nodes_.size());
  if (free_nodes_.empty()) {
    ASSERT(nodes_.size() < kManyWords);
    nodes_.emplace_back();
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  }
  WordId word = way(text);
  if (word == kOneWord) {
    nodes_[parent].one = node;
  } else if (word == kManyWords) {
    nodes_[parent].many = node;
  } else {
    word = use_word(text);
    if (nodes_[parent].first_child == kNone) {
      nodes_[parent].first_word = word;
      nodes_[parent].first_child = node;
    } else {
      edges_.emplace(edge(parent, word), node);
    }
  }
  nodes_[parent].children += 1;
  nodes_[node] = Node{.parent = parent, .word = word};
  return node;
}

void WildcardTree::remove_leaf(NodeIndex leaf) {
  const Node& node = nodes_[leaf];
  ASSERT(node.children == 0 && leaf != kRoot);
  Node& parent = nodes_[node.parent];
  if (node.word == kOneWord) {
    parent.one = kNone;
  } else if (node.word == kManyWords) {
    parent.many = kNone;
  } else {
    if (parent.first_child == leaf) {
      parent.first_word = kNoWord;
      parent.first_child = kNone;
    } else {
      edges_.erase(edge(node.parent, node.word));
    }
    release_word(node.word);
  }
  ASSERT(parent.children > 0);
  parent.children -= 1;
  free_nodes_.push_back(leaf);
}

WildcardTree::WordId WildcardTree::use_word(std::string_view text) {
  WordId word = find_word(text);
  if (word == kNoWord) {
    if (free_words_.empty()) {
      word = static_cast<WordId>(words_.size());
      words_.emplace_back();
    } else {
      word = free_words_.back();
      free_words_.pop_back();
    }
    words_[word].text = text;
    word_ids_.insert(word);
  }
  words_[word].uses += 1;
  return word;
}

void WildcardTree::release_word(WordId word) {
  ASSERT(words_[word].uses > 0);
  if (--words_[word].uses > 0) return;
  word_ids_.erase(word);
  words_[word] = Word{};
  free_words_.push_back(word);
}

// A place is entered at most once for each number of words: its parent is, and only one word leads
// from there to it. "Any number of words" can be entered again at each word, but it never leaves
// the set, so `reached` is all that is needed to visit nothing twice.
std::span<const PatternId> WildcardTree::match(std::string_view key) {
  ++match_number_;
  matched_.clear();
  staying_.clear();
  here_.clear();
  Words words(key, dialect_.separator);
  const bool hidden = dialect_.hides_dollar && key.starts_with('$');
  here_.push_back(kRoot);
  if (!hidden && nodes_[kRoot].many != kNone) arrive_many(nodes_[kRoot].many, words.more());
  bool wildcards = !hidden;
  while (words.more() && !(here_.empty() && staying_.empty())) {
    const WordId word = find_word(words.next());
    next_.clear();
    // Those that join during this word wait for the next one.
    const std::size_t staying = staying_.size();
    for (std::size_t at = 0; at < staying; ++at) {
      step(staying_[at], word, words.more(), wildcards);
    }
    for (const NodeIndex node : here_) step(node, word, words.more(), wildcards);
    here_.swap(next_);
    wildcards = true;
  }
  for (const NodeIndex node : here_) {
    if (nodes_[node].is_pattern) matched_.emplace_back(node);
  }
  return matched_;
}

void WildcardTree::step(NodeIndex node, WordId word, bool more, bool wildcards) {
  if (word != kNoWord) {
    const NodeIndex literal = literal_child(node, word);
    if (literal != kNone) arrive(literal, more);
  }
  const NodeIndex one = nodes_[node].one;
  if (wildcards && one != kNone) arrive(one, more);
}

void WildcardTree::arrive(NodeIndex node, bool more) {
  next_.push_back(node);
  if (nodes_[node].many != kNone) arrive_many(nodes_[node].many, more);
}

void WildcardTree::arrive_many(NodeIndex node, bool more) {
  if (dialect_.many_needs_a_word && !more) return;
  for (; node != kNone && nodes_[node].reached != match_number_; node = nodes_[node].many) {
    nodes_[node].reached = match_number_;
    if (nodes_[node].is_pattern) matched_.emplace_back(node);
    if (nodes_[node].children > 0) staying_.push_back(node);
  }
}

}  // namespace millrace
