#include "protocols/amqp/wire/field_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "protocols/amqp/wire/field_scanner.h"
#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/wire_test_support.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::hex;

// Every type as clients write it, by hand.
Blob every_type_bytes() {
  return hex(
      "01't' 't' 01  01'b' 'b' fe  01'B' 'B' c8  01's' 's' fed4  01'u' 'u' ea60"
      "01'I' 'I' fffeee90  01'i' 'i' ee6b2800  01'l' 'l' fffffffed5fa0e00"
      "01'f' 'f' 3fc00000  01'd' 'd' c002000000000000"
      "01'D' 'D' 02 fffffec6  01'T' 'T' 000000005e0be100"
      "01'S' 'S' 00000004 'text'  01'x' 'x' 00000002 00ff"
      "01'A' 'A' 00000020 'I' 00000001 'S' 00000003 'two' 'F' 0000000e"
      "  01'k' 'S' 00000001 'v'  00 'A' 00000000"
      "01'F' 'F' 0000000e 01'k' 'S' 00000001 'v'  00 'A' 00000000"
      "01'V' 'V'");
}

std::string fault(const Blob& content) {
  const auto table = decode_table(content);
  const auto checked = check_table(content);
  EXPECT_EQ(table.has_value(), checked.has_value());
  if (table) return "accepted";
  EXPECT_EQ(table.error().message(), checked.error().message());
  EXPECT_EQ(table.error().code, ErrorCode::invalid_request);
  return std::string(table.error().message());
}

// A table in a table in a table ...: `depth` tables altogether.
Blob nested(unsigned depth, char tag) {
  Blob content;
  for (unsigned i = 1; i < depth; ++i) {
    const bool named = tag == 'F' || i + 1 == depth;
    Blob outer = named ? hex("00") : Blob();
    outer.push_back(static_cast<std::uint8_t>(tag));
    for (int shift = 24; shift >= 0; shift -= 8)
      outer.push_back(static_cast<std::uint8_t>(content.size() >> shift));
    content = test::joined(std::move(outer), content);
  }
  return content;
}

TEST(FieldTable, ReadsEveryType) {
  const auto table = decode_table(every_type_bytes());
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(*table, test::every_type());
}

TEST(FieldTable, WritesTheBytesThatCame) {
  EXPECT_EQ(encode_table(test::every_type()), every_type_bytes());
  EXPECT_EQ(table_bytes(test::every_type()), every_type_bytes().size() + 4);
  EXPECT_TRUE(encode_table({}).empty());
}

TEST(FieldTable, TakesACapitalLAsALongNumber) {
  const auto table = decode_table(hex("01'n' 'L' fffffffffffffffe"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("n")->as_integer(), -2);
  EXPECT_EQ(encode_table(*table), hex("01'n' 'l' fffffffffffffffe"));
}

TEST(FieldTable, KeepsOrderAndDoubleKeys) {
  const Blob bytes = hex("01'b' 't' 00 01'a' 't' 01 01'b' 't' 01");
  const auto table = decode_table(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->size(), 3u);
  EXPECT_EQ(encode_table(*table), bytes);
}

TEST(FieldTable, KeepsNumbersThatAreNone) {
  const Blob bytes = hex("01'f' 'f' 7fc00001 01'd' 'd' fff8000000000001");
  const auto table = decode_table(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(encode_table(*table), bytes);
}

TEST(FieldTable, IsRefusedAtEveryCut) {
  // A cut between two entries leaves a shorter table.
  std::vector<std::size_t> ends;
  std::size_t end = 0;
  const ValueTable every = test::every_type();
  for (const auto& [key, value] : every.entries()) {
    end += encode_table({{key, value}}).size();
    ends.push_back(end);
  }
  const Blob whole = every_type_bytes();
  ASSERT_EQ(end, whole.size());
  for (std::size_t size = 1; size < whole.size(); ++size) {
    // A copy of its own, so that the sanitizer sees a read behind its end.
    const Blob cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(fault(cut) == "accepted", std::ranges::count(ends, size) == 1) << size;
  }
}

TEST(FieldTable, SaysWhatIsWrong) {
  EXPECT_EQ(fault(hex("02'a'")), "a name in a table is longer than the table");
  EXPECT_EQ(fault(hex("01'a'")), "a table ends where a value was expected");
  EXPECT_EQ(fault(hex("01'a' 'z' 00")), "a value in a table has a type that does not exist");
  EXPECT_EQ(fault(hex("01'a' 'S' 0000")), "a table ends inside of a length");
  EXPECT_EQ(fault(hex("01'a' 'I' 0000")), "a value in a table is longer than the table");
}

TEST(FieldTable, DoesNotTrustLengths) {
  for (const char* tag : {"'S'", "'x'", "'A'", "'F'"})
    for (const char* length : {"00000001", "7fffffff", "80000000", "fffffffc", "ffffffff"})
      EXPECT_EQ(fault(hex("01'a'" + std::string(tag) + length)),
                "a value in a table is longer than the table");
  // The inner one fits the outer, its own value does not fit it.
  EXPECT_EQ(fault(hex("01'a' 'F' 00000007 01'b' 'S' 00000001 'vvvv'")),
            "a value in a table is longer than the table");
}

TEST(FieldTable, HasABoundedDepth) {
  for (const char tag : {'F', 'A'}) {
    EXPECT_EQ(fault(nested(kTableDepthMax, tag)), "accepted");
    EXPECT_EQ(fault(nested(kTableDepthMax + 1, tag)), "tables are nested more than 32 deep");
    EXPECT_EQ(fault(nested(1000, tag)), "tables are nested more than 32 deep");
  }
}

TEST(FieldTable, HasABoundedSizeAndNumberOfValues) {
  EXPECT_EQ(fault(Blob(kTableBytesMax + 1)), "a table is larger than 1 MiB");
  Blob many;
  for (std::size_t i = 0; i < kTableValuesMax; ++i) many.insert(many.end(), {0, 'V'});
  EXPECT_EQ(fault(many), "accepted");
  many.insert(many.end(), {0, 'V'});
  EXPECT_EQ(fault(many), "a table has more than 65536 values");
  // In an array, too, and what is nested counts.
  const auto with_array = [](std::size_t values) {
    Blob content = hex("01'a' 'A'");
    for (int shift = 24; shift >= 0; shift -= 8)
      content.push_back(static_cast<std::uint8_t>(values >> shift));
    content.resize(content.size() + values, 'V');
    return content;
  };
  EXPECT_EQ(fault(with_array(kTableValuesMax - 1)), "accepted");
  EXPECT_EQ(fault(with_array(kTableValuesMax)), "a table has more than 65536 values");
}

TEST(FieldTable, CutsLongNames) {
  const Blob bytes = encode_table({{std::string(300, 'k'), Value(true)}});
  const auto table = decode_table(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->entries()[0].first, std::string(255, 'k'));
}

TEST(FieldTable, ArraysAreReadAlone) {
  const auto array = decode_array(hex("'I' 00000001 'S' 00000003 'two'"));
  ASSERT_TRUE(array);
  EXPECT_EQ(*array, (ValueArray{Value(std::int32_t{1}), Value("two")}));
  EXPECT_FALSE(decode_array(hex("'I' 000000")));
}

TEST(FieldScanner, FindsFieldsWithoutDecoding) {
  const Blob bytes = every_type_bytes();
  EXPECT_EQ(find_field(bytes, "S")->as_text(), "text");
  EXPECT_EQ(find_field(bytes, "b")->as_integer(), -2);
  EXPECT_EQ(find_field(bytes, "B")->as_integer(), 200);
  EXPECT_EQ(find_field(bytes, "s")->as_integer(), -300);
  EXPECT_EQ(find_field(bytes, "u")->as_integer(), 60'000);
  EXPECT_EQ(find_field(bytes, "I")->as_integer(), -70'000);
  EXPECT_EQ(find_field(bytes, "i")->as_integer(), 4'000'000'000);
  EXPECT_EQ(find_field(bytes, "l")->as_integer(), -5'000'000'000);
  EXPECT_EQ(find_field(bytes, "t")->as_integer(), std::nullopt);
  EXPECT_EQ(find_field(bytes, "I")->as_text(), std::nullopt);
  EXPECT_FALSE(find_field(bytes, "k"));  // only in tables within
  EXPECT_FALSE(find_field(hex("01'a' 'S' ffffffff"), "a"));
}

TEST(FieldScanner, WalksArrays) {
  const Blob bytes = every_type_bytes();
  const auto array = find_field(bytes, "A");
  ASSERT_TRUE(array && array->nested());
  FieldScanner scanner(array->content);
  FieldView field;
  std::string tags;
  while (!scanner.at_end()) {
    ASSERT_TRUE(scanner.value(field)) << scanner.fault();
    tags += field.tag;
  }
  EXPECT_EQ(tags, "ISF");
}

}  // namespace
}  // namespace millrace::amqp
