#include "base/pinned.h"

#include <algorithm>

namespace millrace {
namespace {

template <class Keep>
ByteChain behind(const ByteChain& chain, std::size_t skip, Keep keep) {
  ByteChain rest;
  for (const Bytes& part : chain.parts()) {
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    rest.append(keep(part.slice(skip, part.size() - skip)));
    skip = 0;
  }
  return rest;
}

}  // namespace

std::size_t pinned_bytes(const ByteChain& chain) {
  std::size_t bytes = 0;
  for (const Bytes& part : chain.parts()) bytes += std::max(part.size(), part.owner_capacity());
  return bytes;
}

ByteChain without_front(const ByteChain& chain, std::size_t skip) {
  return behind(chain, skip, [](Bytes part) { return part; });
}

ByteChain slimmed(const ByteChain& chain, std::size_t skip) {
  return behind(chain, skip, [](Bytes part) {
    return part.size() < part.owner_capacity() / 2 ? Bytes::copy_of(part.view()) : part;
  });
}

}  // namespace millrace
