// Header and body of any request, as they come from the network: whatever is accepted must be
// writable and be read the same again.
//
//   scripts/test --only fuzz/request
#include "base/assert.h"
#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/messages.h"
#include "protocols/kafka/wire/text.h"

using namespace millrace;
using namespace millrace::kafka;

namespace {

// A small share of the broker's, so that a count that claims too much is found out here.
constexpr std::size_t kMemoryBytesMax = std::size_t{16} << 20;

template <class Message>
void check(Reader& in, std::int16_t version) {
  const auto message = decode<Message>(in, version);
  if (!message) {
    ASSERT(!message.error().message().empty());
    return;
  }
  ASSERT(!to_text(*message).empty());
  const Bytes bytes = encode(*message, version).flatten();
  const auto again = decode<Message>(bytes, version);
  ASSERT(again);
  // Compared as bytes: a float that is not a number does not equal itself.
  ASSERT(same(bytes, encode(*again, version).flatten()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte: a request, or the response that a client would get to it.
  const bool response = data[0] & 1;
  Reader in(Bytes::copy_of({data + 1, size - 1}), kMemoryBytesMax);
  const auto header = decode_request_header(in);
  if (!header || !header->api || !header->api->valid.contains(header->version)) return 0;
  const auto visit = [&]<class Message>() {
    if (Message::kKey == header->key) check<Message>(in, header->version);
  };
  if (response)
    for_each_response(visit);
  else
    for_each_request(visit);
  return 0;
}
