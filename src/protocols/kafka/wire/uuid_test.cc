#include "protocols/kafka/wire/uuid.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace millrace::kafka {
namespace {

Uuid counting() {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) uuid.bytes[i] = static_cast<std::uint8_t>(i);
  return uuid;
}

TEST(Uuid, IsPrintedAsKafkaPrintsIt) {
  EXPECT_EQ(to_text(Uuid{}), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(to_text(counting()), "AAECAwQFBgcICQoLDA0ODw");
  Uuid ones;
  ones.bytes.fill(0xff);
  EXPECT_EQ(to_text(ones), "_____________________w");
}

TEST(Uuid, IsReadFromItsText) {
  EXPECT_EQ(parse_uuid("AAECAwQFBgcICQoLDA0ODw"), counting());
  EXPECT_FALSE(parse_uuid("AAECAwQFBgcICQoLDA0OD"));
  EXPECT_FALSE(parse_uuid("AAECAwQFBgcICQoLDA0ODwA"));
  EXPECT_FALSE(parse_uuid("AAECAwQFBgcICQoLDA0OD="));
  // Bits beyond the sixteenth byte.
  EXPECT_FALSE(parse_uuid("AAECAwQFBgcICQoLDA0ODx"));
}

TEST(Uuid, GoesIntoHashedSets) {
  std::unordered_set<Uuid> ids{Uuid{}, counting(), counting()};
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_TRUE(Uuid{}.is_zero());
  EXPECT_FALSE(counting().is_zero());
}

}  // namespace
}  // namespace millrace::kafka
