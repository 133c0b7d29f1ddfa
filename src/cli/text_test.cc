#include "cli/text.h"

#include <gtest/gtest.h>

#include <vector>

#include "cli/json.h"
#include "cli/table.h"

namespace millrace::cli {
namespace {

TEST(TextTest, Bytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.0 MiB");  // not 1024.0 KiB
  EXPECT_EQ(human_bytes(std::int64_t{3} << 40), "3.0 TiB");
  EXPECT_EQ(human_bytes(INT64_MAX), "8192.0 PiB");
}

TEST(TextTest, Counts) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1234567), "1,234,567");
  EXPECT_EQ(human_count(-1234), "-1,234");
  EXPECT_EQ(human_count(INT64_MIN), "-9,223,372,036,854,775,808");
  EXPECT_EQ(counted(1, "record"), "1 record");
  EXPECT_EQ(counted(2000, "record"), "2,000 records");
}

TEST(TextTest, Times) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(1'763'726'400'007), "2025-11-21T12:00:00.007Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59.999Z");
}

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"NAME", Table::right("COUNT"), "NOTE"});
  table.add({"a-long-name", "7", ""});
  table.add({"b", "1234567", "x"});
  EXPECT_EQ(table.text(),
            "NAME           COUNT  NOTE\n"
            "a-long-name        7\n"
            "b            1234567  x\n");
}

TEST(TableTest, LettersCountNotBytes) {
  Table table({"A", "B"}, "  ");
  table.add({"grüße", "x"});
  table.add({"abcde", "y"});
  EXPECT_EQ(table.text(), "  A      B\n  grüße  x\n  abcde  y\n");
}

TEST(JsonTest, BytesAreTextNullOrBase64) {
  Json object;
  set_bytes(object, "a", as_bytes("text"));
  set_bytes(object, "b", std::nullopt);
  set_bytes(object, "c", as_bytes("\xff"));
  EXPECT_EQ(dump(object), R"({"a":"text","b":null,"c_base64":"/w=="})");
}

TEST(JsonTest, ANameThatIsNoTextDoesNotStopIt) {
  Json object;
  object["name"] = "a\xff";
  EXPECT_EQ(dump(object), "{\"name\":\"a\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace millrace::cli
