#include "runtime/sim/sim_inode.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/assert.h"

namespace millrace {

void SimInode::write(std::uint64_t position, ByteView bytes, std::uint64_t number) {
  if (bytes.empty()) return;
  const std::uint64_t end = position + bytes.size();
  if (content_.size() < end) content_.resize(end);
  std::copy(bytes.begin(), bytes.end(), content_.begin() + static_cast<std::ptrdiff_t>(position));

  Operation operation;
  operation.number = number;
  operation.first_sector = position / kSectorBytes;
  const std::uint64_t begin = operation.first_sector * kSectorBytes;
  const std::uint64_t sectors_end = (end + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  operation.sectors.assign(content_.begin() + static_cast<std::ptrdiff_t>(begin),
                           content_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                  sectors_end, content_.size())));
  pending_.push_back(std::move(operation));
}

void SimInode::truncate(std::uint64_t size, std::uint64_t number) {
  content_.resize(size);
  Operation operation;
  operation.number = number;
  operation.truncates = true;
  operation.size = size;
  pending_.push_back(std::move(operation));
}

std::uint64_t SimInode::sector_count(const Operation& operation) {
  return (operation.sectors.size() + kSectorBytes - 1) / kSectorBytes;
}

ByteView SimInode::sector_bytes(const Operation& operation, std::uint64_t sector) {
  const std::uint64_t from = sector * kSectorBytes;
  return ByteView(operation.sectors)
      .subspan(from, std::min(kSectorBytes, operation.sectors.size() - from));
}

bool SimInode::is_durable(const Operation& operation, std::uint64_t sector) const {
  const ByteView bytes = sector_bytes(operation, sector);
  const std::uint64_t at = (operation.first_sector + sector) * kSectorBytes;
  if (at + bytes.size() > durable_.size()) return false;
  return std::ranges::equal(bytes, ByteView(durable_).subspan(at, bytes.size()));
}

void SimInode::apply_sector(const Operation& operation, std::uint64_t sector) {
  const ByteView bytes = sector_bytes(operation, sector);
  const std::uint64_t to = (operation.first_sector + sector) * kSectorBytes;
  if (durable_.size() < to + bytes.size()) durable_.resize(to + bytes.size());
  std::ranges::copy(bytes, durable_.begin() + static_cast<std::ptrdiff_t>(to));
}

void SimInode::apply(const Operation& operation) {
  if (operation.truncates) {
    durable_.resize(operation.size);
    return;
  }
  for (std::uint64_t i = 0; i < sector_count(operation); ++i) {
    apply_sector(operation, i);
  }
}

void SimInode::sync() {
  for (const Operation& operation : pending_) apply(operation);
  pending_.clear();
  ASSERT(durable_.size() == content_.size());
}

void SimInode::apply_some(SimRandom& random) {
  struct Versions {
    std::uint64_t seen = 0;
    std::uint64_t kept = 0;  // 1 is the first; 0 none
  };
  std::unordered_map<std::uint64_t, Versions> sectors;
  for (const Operation& operation : pending_) {
    for (std::uint64_t i = 0; i < sector_count(operation); ++i) {
      Versions& versions = sectors[operation.first_sector + i];
      ++versions.seen;
      // Each of none, first, ... last is as likely as the others.
      if (random.below(versions.seen + 1) == 0) versions.kept = versions.seen;
    }
  }
  for (auto& [sector, versions] : sectors) versions.seen = 0;
  for (const Operation& operation : pending_) {
    if (operation.truncates) {
      if (random.below(2) == 0) apply(operation);
      continue;
    }
    for (std::uint64_t i = 0; i < sector_count(operation); ++i) {
      Versions& versions = sectors[operation.first_sector + i];
      if (++versions.seen == versions.kept) apply_sector(operation, i);
    }
  }
}

void SimInode::fail_sync(SimRandom& random) {
  apply_some(random);
  pending_.clear();
  if (random.below(2) == 0) {
    const std::uint64_t size = content_.size();
    content_ = durable_;
    content_.resize(size);
  }
  // The size is the file system's, not the data's: it survives in both images.
  durable_.resize(content_.size());
}

void SimInode::crash(CrashKeeps keeps, SimRandom& random) {
  if (keeps == CrashKeeps::everything) {
    for (const Operation& operation : pending_) apply(operation);
  } else if (keeps == CrashKeeps::some) {
    apply_some(random);
  }
  pending_.clear();
  content_ = durable_;
}

std::vector<SimInode::Piece> SimInode::pieces() const {
  // Where a file shrinks, or a sector takes more than one content, each piece may matter.
  std::unordered_set<std::uint64_t> changed;
  bool truncates = false;
  for (const Operation& operation : pending_) {
    truncates = truncates || operation.truncates;
    for (std::uint64_t i = 0; i < sector_count(operation); ++i) {
      if (!is_durable(operation, i)) changed.insert(operation.first_sector + i);
    }
  }
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < pending_.size(); ++at) {
    const Operation& operation = pending_[at];
    if (operation.truncates) pieces.push_back({operation.number, at, 0, operation.size, true});
    for (std::uint64_t i = 0; i < sector_count(operation); ++i) {
      const std::uint64_t sector = operation.first_sector + i;
      if (!truncates && !changed.contains(sector)) continue;
      pieces.push_back({operation.number, at, i, sector * kSectorBytes, false});
    }
  }
  return pieces;
}

void SimInode::crash(std::span<const Piece> kept) {
  for (const Piece& piece : kept) {
    ASSERT(piece.operation < pending_.size());
    const Operation& operation = pending_[piece.operation];
    ASSERT(operation.truncates == piece.truncates);
    if (piece.truncates) {
      durable_.resize(operation.size);
    } else {
      apply_sector(operation, piece.sector);
    }
  }
  pending_.clear();
  content_ = durable_;
}

void SimInode::flip_bit(std::uint64_t position, unsigned bit) {
  ASSERT(position < content_.size() && bit < 8);
  const auto mask = static_cast<std::uint8_t>(1u << bit);
  content_[position] ^= mask;
  if (position < durable_.size()) durable_[position] ^= mask;
  for (Operation& operation : pending_) {
    const std::uint64_t begin = operation.first_sector * kSectorBytes;
    if (position >= begin && position - begin < operation.sectors.size()) {
      operation.sectors[position - begin] ^= mask;
    }
  }
}

}  // namespace millrace
