// Session: one Kafka connection on its core.
//
// Reading: one read takes what the socket has, all whole frames in it are handed to their commands.
// Commands run one after the other; only Produce requests overlap with what comes behind them.
// Writing: responses wait for those in front of them and leave in as few writes as possible.
//
// Bounded: a frame by frame_bytes_max, requests in work by in_flight_max, unsent responses by
// outbox_bytes_max: above them the session reads no more, so a peer that does not read its answers
// holds up nobody but itself. A peer that says nothing and takes nothing for idle_max, with no
// request in work, is taken for gone.
//
// Together with all others: what a session holds is leased from the memory of its core
// (runtime/memory_budget.h; why so: docs/decisions/0013-memory-budget.md). It leases before it
// makes a receive buffer and before it starts a request, and waits for its turn where nothing is
// left; an answer that is there is counted, not asked for. unmoving_since() tells the server whom
// to let go when memory is short.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "broker/memory_relief.h"
#include "protocols/kafka/commands/table.h"
#include "runtime/future.h"
#include "runtime/memory_budget.h"
#include "runtime/socket.h"

namespace millrace::kafka {

struct SessionLimits : ConnectionLimits {
  std::size_t frame_bytes_max = 100 << 20;  // socket.request.max.bytes
  std::size_t in_flight_max = 64;
  std::size_t outbox_bytes_max = 1 << 20;
  std::size_t read_bytes = 64 << 10;  // space offered to one read
  // A connection that has read so much lets the others of its core go first.
  std::size_t turn_bytes_max = 256 << 10;
  // While memory is short: who holds some and moves less than progress_bytes, finishes no request
  // and takes no answer whole for this long is let go.
  Duration stalled_max = std::chrono::seconds(5);
  std::size_t progress_bytes = 64 << 10;
  std::size_t connections_max = 20000;  // of a core; further ones are closed at once
  FetchSessionLimits fetch_sessions;
};

class Session : public std::enable_shared_from_this<Session>, public MemoryHolder {
 public:
  Session(std::unique_ptr<Socket> socket, BrokerCore& broker, const Endpoint& endpoint,
          FetchSessions& fetch_sessions, KafkaStats& stats, const SessionLimits& limits);

  // Runs until the peer goes, breaks the protocol, or close().
  static Task<void> serve(std::shared_ptr<Session> session);
  void close();

  // The server's look at whether anybody is there: how many looks in a row found no byte moved
  // since the one before, and no request in work.
  std::uint32_t look_for_life();

  // MemoryHolder: who does not move for stalled_max is told of; slim() lets go of large blocks of
  // which little is unsent or unread.
  std::optional<MonotonicTime> unmoving_since(bool also_waiting) override;
  std::size_t held_bytes() const override;
  void slim() override;
  std::string peer() const override { return socket_->peer(); }
  void close_for_memory() override;

 private:
  struct Slot {
    std::optional<ByteChain> response;  // empty chain: nothing to send
    std::size_t cost = 0;
  };
  struct ReceiveBuffer {
    MemoryLease lease;
    BufferRef buffer;
  };
  // What a request holds until it is answered.
  struct RequestMemory {
    std::shared_ptr<ReceiveBuffer> received;  // null: what it needed of it is a copy
    MemoryLease request;
    MemoryLease answer;
  };

  Task<bool> read_more();
  void count_read(std::size_t bytes);
  // False: the connection must end.
  Task<bool> grow_buffer(std::size_t capacity, std::size_t cost);
  Task<bool> wait_for_memory(std::size_t bytes, MemoryUse use);
  bool may_reuse_buffer() const;
  void shrink_buffer();
  std::size_t decoded_bytes(std::int16_t api_key, std::size_t frame_bytes) const;
  std::size_t first_answer_bytes(const Command& command) const;
  // False: the connection must end.
  Task<bool> handle_frames();
  Task<bool> handle_frame(Bytes frame);
  Task<void> run_pipelined(std::shared_ptr<Session> self, const Command* command, Context context,
                           std::int32_t correlation_id, Bytes body, RequestMemory memory,
                           std::uint64_t slot, MonotonicTime begun);
  Task<void> wait_for_room();
  bool has_room() const;
  void refuse_version(const RequestHeader& header);
  std::uint64_t open_slot();
  void fill_slot(std::uint64_t slot, ByteChain response);
  void flush_soon();
  void flush();
  void hold_unsent();
  void count_outbox(std::size_t cost);
  void break_off();
  void progress();
  BrokerCore& broker() { return connection_.broker; }

  std::unique_ptr<Socket> socket_;
  const SessionLimits limits_;
  Connection connection_;

  MemoryShare& memory_;
  const std::size_t frame_bytes_max_;
  MemoryLease connection_lease_;
  std::shared_ptr<ReceiveBuffer> receive_;  // what was read: [begin_, end_) is not handled yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  ByteChain outbox_;
  std::size_t outbox_sent_ = 0;
  std::size_t outbox_cost_ = 0;
  std::size_t slot_bytes_ = 0;  // of responses that wait for those in front of them
  MemoryLease unsent_lease_;    // outbox_cost_, and the cost of all slots
  bool writing_ = false;        // the socket takes no more for now
  bool flush_posted_ = false;
  bool broken_ = false;
  bool waits_for_disk_ = false;  // with a request that is not in work yet
  std::size_t turn_bytes_ = 0;   // read since the others had their turn
  bool moved_ = true;            // bytes, since the last look
  std::uint32_t still_looks_ = 0;
  std::optional<Promise<bool>> room_;
  std::shared_ptr<MemoryWait> memory_wait_;
  bool reads_frame_ = false;  // has a part of it and waits for the rest
  bool runs_one_ = false;     // a request that those behind it wait for
  std::uint64_t moved_bytes_ = 0;
  std::uint64_t frames_ = 0;
  struct Still {
    MonotonicTime since;
    std::uint64_t moved_bytes;
    std::uint64_t frames;
  };
  std::optional<Still> still_;  // as it was when it began to hold something up
};

}  // namespace millrace::kafka
