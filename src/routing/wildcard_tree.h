// WildcardTree: which of very many patterns match a key. A tree of words in which every pattern is
// a path; all paths that a key can take are followed at once, word by word.
//
//   WildcardTree tree(kAmqpWildcards);
//   PatternId pattern = tree.insert("stock.*.nyse");
//   for (PatternId matched : tree.match("stock.usd.nyse")) ...      // `pattern` is among them
//
// The time of a match is bounded by the words of the key times the places in the tree that its
// first words reach, each of which is visited once per word: "#.a.#.b.#" is no worse than others.
// What stands behind a last "#" is not walked at all.
//
// Words are kept once however many patterns have them, so a word of a key that no pattern has costs
// one look-up. Removing a pattern removes every place that only it needed. One thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "routing/wildcard_dialect.h"

namespace millrace {

// Small numbers, used again after a removal: an index for what belongs to a pattern.
using PatternId = StrongNumber<struct PatternIdTag, std::uint32_t>;

class WildcardTree {
 public:
  explicit WildcardTree(const WildcardDialect& dialect);
  // The table of words looks into this object.
  WildcardTree(const WildcardTree&) = delete;
  WildcardTree& operator=(const WildcardTree&) = delete;

  // The pattern's number, which it keeps until it is removed; the same when it is there already.
  // It must be valid in the dialect (valid_nats_pattern and so on).
  PatternId insert(std::string_view pattern);
  std::optional<PatternId> find(std::string_view pattern) const;
  // One that insert() gave.
  void remove(PatternId pattern);

  // The patterns that match, each once; valid until the next call. The order depends only on the
  // key and the patterns: first those that end in "any number of words", as the words of the key
  // reach them, then the others.
  std::span<const PatternId> match(std::string_view key);

  std::size_t pattern_count() const { return pattern_count_; }
  // Of the tree and of the words, for tests of what removal leaves: 1 and 0 when empty.
  std::size_t node_count() const { return nodes_.size() - free_nodes_.size(); }
  std::size_t word_count() const { return word_ids_.size(); }

 private:
  using NodeIndex = std::uint32_t;
  using WordId = std::uint32_t;
  static constexpr NodeIndex kRoot = 0;
  static constexpr NodeIndex kNone = 0;  // nothing leads to the root
  // In place of a word.
  static constexpr WordId kNoWord = 0xFFFF'FFFF;
  static constexpr WordId kOneWord = 0xFFFF'FFFE;
  static constexpr WordId kManyWords = 0xFFFF'FFFD;

  struct Node {
    std::uint64_t reached = 0;  // the last match that came to this "any number of words"
    NodeIndex parent = kNone;
    WordId word = kNoWord;  // the way from the parent to here
    NodeIndex one = kNone;
    NodeIndex many = kNone;
    // One literal child, most have no other; the others stand in edges_.
    WordId first_word = kNoWord;
    NodeIndex first_child = kNone;
    std::uint32_t children = 0;
    bool is_pattern = false;
  };
  struct Word {
    std::string text;
    std::uint32_t uses = 0;
  };
  struct WordHash {
    using is_transparent = void;
    const std::vector<Word>* words;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
    std::size_t operator()(WordId word) const { return (*this)((*words)[word].text); }
  };
  struct WordEqual {
    using is_transparent = void;
    const std::vector<Word>* words;
    bool operator()(WordId a, WordId b) const { return a == b; }
    bool operator()(WordId a, std::string_view b) const { return (*words)[a].text == b; }
    bool operator()(std::string_view a, WordId b) const { return (*this)(b, a); }
  };

  static std::uint64_t edge(NodeIndex parent, WordId word) {
    return std::uint64_t{parent} << 32 | word;
  }
  // kNoWord when no pattern has it.
  WordId find_word(std::string_view text) const;
  WordId way(std::string_view text) const;
  NodeIndex child(NodeIndex node, WordId way) const;
  NodeIndex literal_child(NodeIndex node, WordId word) const;
  NodeIndex add_child(NodeIndex node, std::string_view text);
  void remove_leaf(NodeIndex node);
  WordId use_word(std::string_view text);
  void release_word(WordId word);

  void step(NodeIndex node, WordId word, bool more, bool wildcards);
  void arrive(NodeIndex node, bool more);
  void arrive_many(NodeIndex node, bool more);

  WildcardDialect dialect_;
  std::vector<Node> nodes_;
  std::vector<NodeIndex> free_nodes_;
  boost::unordered_flat_map<std::uint64_t, NodeIndex> edges_;
  std::vector<Word> words_;
  std::vector<WordId> free_words_;
  boost::unordered_flat_set<WordId, WordHash, WordEqual> word_ids_;
  std::size_t pattern_count_ = 0;

  // Of the running match, kept for their memory.
  std::uint64_t match_number_ = 0;
  std::vector<PatternId> matched_;
  std::vector<NodeIndex> staying_;  // "any number of words" that lead on: they stay to the end
  std::vector<NodeIndex> here_;     // reached by exactly the words so far
  std::vector<NodeIndex> next_;
};

}  // namespace millrace
