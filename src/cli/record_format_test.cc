#include "cli/record_format.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

Record full() {
  Record record;
  record.offset = Offset(42);
  record.timestamp = WallMs(1'763'726'400'007);
  record.key = as_bytes("key");
  record.value = as_bytes("value");
  record.headers = {{"a", "1"}, {"b", std::nullopt}};
  return record;
}

std::string shown(const std::string& text, const Record& record) {
  const auto format = RecordFormat::parse(text);
  EXPECT_TRUE(format) << text;
  std::string out;
  if (format) format->append(out, "orders", 3, record);
  return out;
}

TEST(RecordFormatTest, EveryPlaceholder) {
  EXPECT_EQ(shown("%t %p %o %k %v %s %h %T %d %S %K %%", full()),
            "orders 3 42 key value value a=1,b= 1763726400007 2025-11-21T12:00:00.007Z 5 3 %");
}

TEST(RecordFormatTest, Escapes) {
  EXPECT_EQ(shown(R"(\n\t\r\0\\\x41\xfF)", full()), std::string("\n\t\r\0\\A\xff", 7));
}

TEST(RecordFormatTest, NullIsEmptyAndItsSizeIsMinusOne) {
  EXPECT_EQ(shown("[%k|%v|%h|%K|%S]", Record()), "[|||-1|-1]");
}

TEST(RecordFormatTest, NoPlaceholderAtAll) {
  EXPECT_EQ(shown("x", full()), "x");
  EXPECT_EQ(shown("", full()), "");
}

TEST(RecordFormatTest, UnknownOnesAreRefused) {
  for (const char* text : {"%q", "%", "abc%", "\\q", "\\", "\\x", "\\x4", "\\xg0"}) {
    EXPECT_FALSE(RecordFormat::parse(text)) << text;
    EXPECT_FALSE(check_format(text).empty()) << text;
  }
  EXPECT_TRUE(check_format("%v\\n").empty());
}

TEST(RecordFormatTest, JsonHoldsAllOfIt) {
  EXPECT_EQ(record_json("orders", 3, full()),
            R"({"topic":"orders","partition":3,"offset":42,"timestamp":1763726400007,"key":"key",)"
            R"("value":"value","headers":[{"name":"a","value":"1"},{"name":"b","value":null}]})");
}

}  // namespace
}  // namespace millrace::cli
