// What holds for every request and response in every version.
#include <gtest/gtest.h>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/filled.h"
#include "protocols/kafka/wire/text.h"

namespace millrace::kafka {
namespace {

constexpr std::uint64_t kSeeds = 8;

template <class Message, class Check>
void in_every_version(Check check) {
  for (std::int16_t version = Message::kVersions.min; version <= Message::kVersions.max; ++version)
    check(version);
}

// A block of its own, so that the address sanitizer sees a read past the end.
Bytes own_copy(ByteView view) { return Bytes::copy_of(view); }

TEST(EveryMessage, ComesBackAsItWasEncoded) {
  for_each_message([]<class Message>() {
    in_every_version<Message>([](std::int16_t version) {
      for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        const auto message = filled<Message>(version, seed, FillSize::large);
        const Bytes bytes = encode(message, version).flatten();
        Reader in(bytes);
        const Result<Message> decoded = decode<Message>(in, version);
        ASSERT_TRUE(decoded) << decoded.error().message();
        EXPECT_EQ(in.remaining(), 0u) << Message::kName << " v" << version;
        EXPECT_TRUE(*decoded == message)
            << "v" << version << ": " << to_text(message) << "\ncame back as " << to_text(*decoded);
      }
    });
  });
}

TEST(EveryMessage, ComesBackWithItsDefaults) {
  for_each_message([]<class Message>() {
    in_every_version<Message>([](std::int16_t version) {
      const Result<Message> decoded =
          decode<Message>(encode(Message{}, version).flatten(), version);
      ASSERT_TRUE(decoded) << decoded.error().message();
      EXPECT_TRUE(*decoded == Message{}) << "v" << version << ": " << to_text(*decoded);
    });
  });
}

TEST(EveryMessage, IsRefusedWhenCutAnywhere) {
  for_each_message([]<class Message>() {
    in_every_version<Message>([](std::int16_t version) {
      const Bytes bytes = encode(filled<Message>(version, 1, FillSize::small), version).flatten();
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<Message> decoded =
            decode<Message>(own_copy(bytes.view().first(size)), version);
        ASSERT_FALSE(decoded) << Message::kName << " v" << version << " of " << bytes.size()
                              << " bytes, cut to " << size;
        EXPECT_EQ(decoded.error().code, ErrorCode::invalid_request);
      }
    });
  });
}

// Whatever is read of damaged bytes must be writable and read the same again.
TEST(EveryMessage, SurvivesDamage) {
  for_each_message([]<class Message>() {
    in_every_version<Message>([](std::int16_t version) {
      const Bytes bytes = encode(filled<Message>(version, 2, FillSize::small), version).flatten();
      for (std::size_t position = 0; position < bytes.size(); ++position) {
        for (std::uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
          const Bytes damaged = own_copy(bytes.view());
          damaged.mutable_data()[position] = value;
          const Result<Message> decoded = decode<Message>(damaged, version);
          if (!decoded) continue;
          const Result<Message> again =
              decode<Message>(encode(*decoded, version).flatten(), version);
          ASSERT_TRUE(again) << again.error().message();
          const Bytes first = encode(*decoded, version).flatten();
          EXPECT_TRUE(same(first, encode(*again, version).flatten()))
              << Message::kName << " v" << version << " at " << position;
        }
      }
    });
  });
}

TEST(EveryMessage, RefusesVersionsThatItLacks) {
  for_each_message([]<class Message>() {
    for (const int version : {Message::kVersions.min - 1, Message::kVersions.max + 1}) {
      const auto decoded = decode<Message>(Bytes(), static_cast<std::int16_t>(version));
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::unsupported_version);
    }
  });
}

TEST(EveryMessage, StandsInTheTable) {
  std::size_t requests = 0;
  for_each_request([&]<class Message>() {
    const ApiInfo* api = find_api(Message::kKey);
    ASSERT_TRUE(api);
    EXPECT_EQ(Message::kName, std::string(api->name) + "Request");
    EXPECT_EQ(api->valid, Message::kVersions);
    EXPECT_EQ(api->flexible_from, Message::kFlexibleFrom);
    EXPECT_GE(api->served.min, api->valid.min);
    EXPECT_LE(api->served.max, api->valid.max);
    EXPECT_LE(api->advertised.min, api->served.min);
    EXPECT_EQ(api->advertised.max, api->served.max);
    ++requests;
  });
  EXPECT_EQ(requests, apis().size());
}

}  // namespace
}  // namespace millrace::kafka
