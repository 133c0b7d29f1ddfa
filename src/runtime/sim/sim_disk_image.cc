// A disk's copies, and power cuts of which every piece is chosen.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <tuple>

#include "base/assert.h"
#include "base/bytes.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_disk_files.h"

namespace millrace {

bool SimDisk::EntryChange::concerns(const std::string& folder) const {
  return sim_path_parent(path) == folder ||
         (kind == Kind::rename && sim_path_parent(from) == folder);
}

void SimDisk::EntryChange::apply(Tree& tree) const {
  const auto erase = [&](const std::string& name) {
    auto entry = tree.files.find(name);
    if (entry != tree.files.end() && entry->second == inode) tree.files.erase(entry);
  };
  switch (kind) {
    case Kind::make_file:
      tree.files[path] = inode;
      break;
    case Kind::make_directory:
      tree.directories.insert(path);
      break;
    case Kind::remove:
      erase(path);
      break;
    case Kind::rename:
      erase(from);
      tree.files[path] = inode;
      break;
  }
}

std::string SimDisk::EntryChange::describe() const {
  switch (kind) {
    case Kind::make_file:
      return "new file " + path;
    case Kind::make_directory:
      return "new folder " + path;
    case Kind::remove:
      return "removal of " + path;
    case Kind::rename:
      return fmt::format("{} renamed to {}", from, path);
  }
  ASSERT(false);
}

std::unique_ptr<SimDisk> SimDisk::copy() const {
  auto copy = std::make_unique<SimDisk>(0);
  std::map<const SimInode*, Inode> copies;
  const auto copy_of = [&](const Inode& inode) {
    if (!inode) return Inode();
    Inode& made = copies[inode.get()];
    if (!made) made = std::make_shared<SimInode>(*inode);
    return made;
  };
  const auto copy_of_tree = [&](const Tree& tree) {
    Tree made = tree;
    for (auto& [path, inode] : made.files) inode = copy_of(inode);
    return made;
  };
  copy->random_ = random_;
  copy->now_ = copy_of_tree(now_);
  copy->durable_ = copy_of_tree(durable_);
  copy->changes_ = changes_;
  for (EntryChange& change : copy->changes_) change.inode = copy_of(change.inode);
  copy->operations_ = operations_;
  copy->writes_ = writes_;
  copy->syncs_ = syncs_;
  copy->capacity_ = capacity_;
  return copy;
}

std::vector<SimDisk::Piece> SimDisk::pieces() const {
  // Files that a crash may leave, whatever it keeps of the folders, each by one of its names.
  std::vector<std::pair<std::string, Inode>> files;
  const auto add = [&](const std::string& path, const Inode& inode) {
    const bool known = std::ranges::count(files, inode, &std::pair<std::string, Inode>::second) > 0;
    if (inode && !known) files.emplace_back(path, inode);
  };
  for (const auto& [path, inode] : durable_.files) add(path, inode);
  for (const EntryChange& change : changes_) add(change.path, change.inode);

  std::vector<Piece> pieces;
  for (const EntryChange& change : changes_) {
    pieces.push_back({change.operation, change.path, nullptr, {}, &change});
  }
  for (const auto& [path, inode] : files) {
    for (const SimInode::Piece& piece : inode->pieces()) {
      pieces.push_back({piece.number, path, inode, piece, nullptr});
    }
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) {
    return std::tuple(piece.operation, piece.of_inode.operation, piece.of_inode.sector);
  });
  return pieces;
}

std::vector<SimUnflushed> SimDisk::unflushed() const {
  std::vector<SimUnflushed> unflushed;
  for (const Piece& piece : pieces()) {
    std::string what;
    if (piece.change) {
      what = piece.change->describe();
    } else if (piece.of_inode.truncates) {
      what = fmt::format("{} truncated to {}", piece.path, piece.of_inode.position);
    } else {
      what = fmt::format("{} sector at {}", piece.path, piece.of_inode.position);
    }
    unflushed.push_back({piece.operation, std::move(what)});
  }
  return unflushed;
}

void SimDisk::crash(const std::vector<bool>& kept) {
  const std::vector<Piece> all = pieces();
  ASSERT(kept.size() == all.size());
  std::map<Inode, std::vector<SimInode::Piece>> of_files;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!kept[i]) continue;
    if (all[i].change) {
      all[i].change->apply(durable_);
    } else {
      of_files[all[i].inode].push_back(all[i].of_inode);
    }
  }
  changes_.clear();
  end_crash();
  for (const auto& [path, inode] : now_.files) inode->crash(of_files[inode]);
}

std::uint64_t SimDisk::durable_hash() const {
  std::uint64_t hash = 0;
  const auto mix = [&hash](std::string_view text) {
    hash = (hash ^ std::hash<std::string_view>()(text)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  };
  for (const std::string& path : durable_.directories) mix(path);
  for (const auto& [path, inode] : durable_.files) {
    mix(path);
    mix(as_text(inode->durable()));
  }
  return hash;
}

}  // namespace millrace
