#include "queues/cursor.h"

#include <algorithm>

#include "base/assert.h"

namespace millrace {

void Cursor::start() {
  ASSERT(!started_);
  started_ = true;
  next_ = durable_.floor;
  end_ = durable_.known_end();
  uncertain_below_ = durable_.horizon;
  Exceptions& now = make_exceptions();
  now.ahead = durable_.done;
  for (const auto& [offset, transfer] : durable_.transfers) {
    now.ahead.insert(OffsetRange::of(offset));
  }
  now.exhausted = beyond_limit();
  for (const auto& [first, end] : now.exhausted.runs()) now.ahead.insert({first, end});
  pass_ahead();
  forget_exceptions_if_none();
}

const Cursor::Exceptions& Cursor::exceptions() const {
  static const Exceptions kNone;
  return exceptions_ ? *exceptions_ : kNone;
}

Cursor::Exceptions& Cursor::make_exceptions() {
  if (!exceptions_) {
    exceptions_ = std::make_unique<Exceptions>();
    exceptions_->returned.set_order(durable_.policy.return_order);
  }
  return *exceptions_;
}

void Cursor::forget_exceptions_if_none() {
  if (exceptions_ && exceptions_->empty()) exceptions_.reset();
}

void Cursor::set_end(Offset end) {
  ASSERT(started_ && end < kOffsetMax);
  end_ = std::max(end_, end);
  if (!has_end_) {
    // The horizon may lie ahead of the log; what is appended from now on was never delivered.
    has_end_ = true;
    uncertain_below_ = std::min(uncertain_below_, end_);
  }
}

std::int64_t Cursor::ready_count() const {
  const Exceptions& now = exceptions();
  return now.returned.count() + (end_ - next_) - now.ahead.count();
}

std::vector<OpenTransfer> Cursor::open_transfers() const {
  std::vector<OpenTransfer> open;
  open.reserve(durable_.transfers.size());
  for (const auto& [offset, transfer] : durable_.transfers) {
    open.push_back({offset, durable_.counts.find(offset), transfer});
  }
  std::sort(open.begin(), open.end(), [](const OpenTransfer& a, const OpenTransfer& b) {
    return a.transfer.number < b.transfer.number;
  });
  return open;
}

std::optional<Offset> Cursor::next_ready() const {
  if (exceptions_ && !exceptions_->returned.empty()) return exceptions_->returned.front();
  if (next_ < end_) return next_;
  return std::nullopt;
}

std::vector<Offset> Cursor::peek(std::size_t count_max) const {
  std::vector<Offset> offsets;
  auto add = [&](OffsetRange run) {
    for (Offset at = run.first; at < run.end && offsets.size() < count_max; ++at) {
      offsets.push_back(at);
    }
    return offsets.size() < count_max;
  };
  exceptions().returned.visit(add);
  for (Offset at = next_; at < end_ && offsets.size() < count_max;) {
    OffsetRange passed = exceptions().ahead.next_run(at);
    add({at, passed.empty() ? end_ : passed.first});
    at = passed.empty() ? end_ : passed.end;
  }
  return offsets;
}

Lease Cursor::take(HolderId holder) {
  Lease lease;
  if (exceptions_ && !exceptions_->returned.empty()) {
    lease.offset = exceptions_->returned.pop_front();
  } else {
    ASSERT(next_ < end_);
    lease.offset = next_;
    ++next_;
    pass_ahead();
  }
  in_flight_.add(lease.offset, holder);
  if (!durable_.counts.empty()) lease.before = durable_.counts.find(lease.offset);
  lease.redelivered = lease.before.acquired > 0 || lease.offset < uncertain_below_;
  return lease;
}

bool Cursor::put_back(Offset offset, HolderId holder) {
  if (!in_flight_.remove(offset, holder)) return false;
  make_exceptions().returned.add_first(OffsetRange::of(offset));
  return true;
}

bool Cursor::hand_over(Offset offset, HolderId from, HolderId to) {
  if (!in_flight_.remove(offset, from)) return false;
  in_flight_.add(offset, to);
  return true;
}

void Cursor::skip(OffsetRange gap) {
  ASSERT(started_);
  gap = {std::max(gap.first, durable_.floor), std::min(gap.end, end_)};
  RangeSet fresh;
  fresh.insert(gap);
  durable_.done.visit(gap, [&](OffsetRange done) { fresh.erase(done); });
  const auto& transfers = durable_.transfers;
  for (auto at = transfers.lower_bound(gap.first); at != transfers.end() && at->first < gap.end;
       ++at) {
    fresh.erase(OffsetRange::of(at->first));
  }
  for (const auto& [first, end] : fresh.runs()) {
    in_flight_.remove_all({first, end});
    forget_ready({first, end});
    make_exceptions().gaps.insert({first, end});
  }
}

std::optional<Offset> Cursor::wants_horizon(std::int64_t credit) const {
  Offset horizon = durable_.horizon;
  if (next_ <= horizon && (credit == 0 || ready_count() == 0)) return std::nullopt;
  std::int64_t ahead = kHorizonAheadMax;
  if (credit >= 0) ahead = std::min(credit + in_flight_.count(), kHorizonAheadMax);
  if (horizon >= next_ + (ahead + 1) / 2) return std::nullopt;
  return next_ + ahead;
}

void Cursor::forget_ready(OffsetRange range) {
  if (!started_) return;
  if (exceptions_) {
    exceptions_->returned.erase(range);
    exceptions_->exhausted.erase(range);
    exceptions_->gaps.erase(range);
  }
  if (range.end <= next_) return;
  ASSERT(range.end <= end_);
  make_exceptions().ahead.insert({std::max(range.first, next_), range.end});
  pass_ahead();
}

void Cursor::return_range(OffsetRange range) {
  if (!started_) return;
  ASSERT(range.end <= next_);
  Exceptions& now = make_exceptions();
  if (!durable_.policy.failed_max) return now.returned.add(range);
  durable_.counts.visit(range, [&](OffsetRange part, DeliveryCounts counts) {
    if (is_exhausted(counts)) {
      now.exhausted.insert(part);
    } else {
      now.returned.add(part);
    }
  });
}

// What failed too often and does not move already.
RangeSet Cursor::beyond_limit() const {
  RangeSet beyond;
  for (const auto& [first, run] : durable_.counts.runs()) {
    if (is_exhausted(run.counts)) beyond.insert({first, run.end});
  }
  if (beyond.empty()) return beyond;
  for (const auto& [offset, transfer] : durable_.transfers) beyond.erase(OffsetRange::of(offset));
  return beyond;
}

void Cursor::reconfigured() {
  if (!started_) return;
  Exceptions& now = make_exceptions();
  now.returned.set_order(durable_.policy.return_order);
  RangeSet beyond = beyond_limit();
  for (const auto& [first, end] : now.gaps.runs()) beyond.erase({first, end});
  for (const auto& [first, end] : RangeSet(beyond).runs()) {
    for (Offset offset = first; offset < end; ++offset) {
      if (in_flight_.find(offset) != kNoHolder) beyond.erase(OffsetRange::of(offset));
    }
  }
  RangeSet freed = now.exhausted;
  for (const auto& [first, end] : beyond.runs()) freed.erase({first, end});
  for (const auto& [first, end] : freed.runs()) {
    now.ahead.erase({first, end});
    OffsetRange considered{first, std::min(end, next_)};
    if (!considered.empty()) now.returned.add(considered);
  }
  now.exhausted = std::move(beyond);
  for (const auto& [first, end] : now.exhausted.runs()) {
    now.returned.erase({first, end});
    if (end > next_) now.ahead.insert({std::max(first, next_), end});
  }
  pass_ahead();
  forget_exceptions_if_none();
}

OffsetRuns Cursor::ready_ranges() const {
  OffsetRuns runs;
  for (const auto& [first, end] : exceptions().returned.members().runs())
    append_run(runs, {first, end});
  Offset at = next_;
  exceptions().ahead.visit({next_, end_}, [&](OffsetRange passed) {
    append_run(runs, {at, passed.first});
    at = passed.end;
  });
  if (at < end_) append_run(runs, {at, end_});
  return runs;
}

void Cursor::pass_ahead() {
  if (exceptions_) next_ = exceptions_->ahead.take_prefix(next_);
  ASSERT(next_ <= end_);
}

}  // namespace millrace
