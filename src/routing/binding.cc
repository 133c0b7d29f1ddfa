#include "routing/binding.h"

#include <boost/container_hash/hash.hpp>
#include <functional>
#include <string_view>

#include "base/canonical_value.h"

namespace millrace {

bool same_binding(const Binding& a, const Binding& b) {
  if (a.source != b.source || a.destination != b.destination || a.key != b.key) return false;
  if (a.arguments.size() != b.arguments.size()) return false;
  return a.arguments.empty() || canonical_text(a.arguments) == canonical_text(b.arguments);
}

std::size_t hash_of(const Binding& binding) {
  std::size_t hash = binding.source.value();
  boost::hash_combine(hash, binding.destination.index());
  std::visit([&](auto id) { boost::hash_combine(hash, id.value()); }, binding.destination);
  boost::hash_combine(hash, std::hash<std::string_view>{}(binding.key));
  if (!binding.arguments.empty()) {
    boost::hash_combine(hash, std::hash<std::string>{}(canonical_text(binding.arguments)));
  }
  return hash;
}

}  // namespace millrace
