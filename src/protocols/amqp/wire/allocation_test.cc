// The way of a message allocates nothing: every allocation of this program is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/methods.h"
#include "protocols/amqp/wire/properties.h"
#include "protocols/amqp/wire/wire_test_support.h"
#include "protocols/amqp/wire/writer.h"

namespace {

std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): the analyzer takes the memory for freed before
// it looks in here.
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace millrace::amqp {
namespace {

using test::Blob;

template <class Act>
std::size_t allocations_of(Act act) {
  const std::size_t before = allocations;
  act();
  return allocations - before;
}

// Two publishes and what consumers answer with.
Bytes stream() {
  FrameWriter out;
  const Blob properties = encode_properties(
      {.headers = test::every_type(), .delivery_mode = kPersistent, .message_id = "m1"});
  const Bytes body = Bytes::copy_of(as_bytes("hello"));
  out.content(1, BasicPublish{.exchange = "logs", .routing_key = "a.b"}, properties, body,
              kFrameBytesMin);
  out.content(1, BasicPublish{.routing_key = "orders"}, kNoProperties, body, kFrameBytesMin);
  out.method(1, BasicAck{.delivery_tag = 1});
  out.method(1, BasicNack{.delivery_tag = 2});
  out.method(1, BasicReject{.delivery_tag = 3});
  out.heartbeat();
  return out.take().flatten();
}

// Whether every one of these payloads was read well.
bool read_frame(const FrameView& frame) {
  if (frame.type == FrameType::header) {
    const auto header = decode_content_header(frame.payload);
    return header && parse_properties(header->properties) && scan_properties(header->properties);
  }
  if (frame.type != FrameType::method) return true;
  switch (method_id(frame.payload)) {
    case BasicPublish::kId:
      return decode<BasicPublish>(frame.payload).has_value();
    case BasicAck::kId:
      return decode<BasicAck>(frame.payload).has_value();
    case BasicNack::kId:
      return decode<BasicNack>(frame.payload).has_value();
    case BasicReject::kId:
      return decode<BasicReject>(frame.payload).has_value();
    default:
      return false;
  }
}

TEST(Allocation, AreCounted) {
  EXPECT_EQ(allocations_of([] { Blob(100).swap(*std::make_unique<Blob>()); }), 2u);
}

TEST(Allocation, NoneToReadAPublishOrAnAck) {
  const Bytes bytes = stream();
  int frames = 0;
  int good = 0;
  EXPECT_EQ(allocations_of([&] {
              ByteView left = bytes.view();
              while (!left.empty()) {
                const auto frame = next_frame(left, kFrameBytesMin);
                if (!frame || !*frame) break;
                ++frames;
                good += read_frame(**frame);
                left = left.subspan((*frame)->bytes);
              }
            }),
            0u);
  EXPECT_EQ(frames, 10);
  EXPECT_EQ(good, frames);
}

TEST(Allocation, OneBlockForManyDeliveries) {
  const Bytes body = Bytes::copy_of(Blob(100));
  FrameWriter out;
  const auto deliver = [&](int count) {
    for (int i = 0; i < count; ++i)
      out.content(1, BasicDeliver{.consumer_tag = "c", .routing_key = "q"}, kNoProperties, body,
                  kFrameBytesMin);
    out.take();
  };
  deliver(5'000);  // until blocks are of full size
  // 172 bytes each: 27 blocks, and the chain that names them.
  EXPECT_LE(allocations_of([&] { deliver(10'000); }), 40u);
}

}  // namespace
}  // namespace millrace::amqp
