#include "base/base64.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

// RFC 4648, section 10.
TEST(Base64, TheVectorsOfItsStandard) {
  constexpr std::pair<std::string_view, std::string_view> kVectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64(as_bytes(bytes)), text);
    EXPECT_EQ(base64_decoded(text), bytes);
  }
}

TEST(Base64, AllBytes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(base64_decoded(base64(as_bytes(all))), all);
}

TEST(Base64, WhatIsNone) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "=Zg=", "Z===", "Zm9-", "Zm 9",
                           "Zh==", "Zm9=", "Zg==Zg==", "Zg\n="}) {
    EXPECT_EQ(base64_decoded(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace millrace
