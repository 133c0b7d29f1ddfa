#include "protocols/amqp/wire/reply_codes.h"

#include <gtest/gtest.h>

namespace millrace::amqp {
namespace {

TEST(ReplyCodes, HaveNamesAndScopes) {
  EXPECT_EQ(reply_name(ReplyCode::precondition_failed), "PRECONDITION_FAILED");
  EXPECT_EQ(reply_number(ReplyCode::precondition_failed), 406);
  EXPECT_EQ(reply_scope(ReplyCode::precondition_failed), ReplyScope::channel);
  EXPECT_EQ(reply_scope(ReplyCode::not_allowed), ReplyScope::connection);
  EXPECT_EQ(reply_scope(ReplyCode::no_route), ReplyScope::nothing);
  for (int number = 501; number <= 506; ++number)
    EXPECT_EQ(reply_scope(static_cast<ReplyCode>(number)), ReplyScope::connection) << number;
}

TEST(ReplyCodes, TextBeginsWithTheName) {
  EXPECT_EQ(reply_text(ReplyCode::not_found, "no queue 'q' in vhost '/'"),
            "NOT_FOUND - no queue 'q' in vhost '/'");
}

TEST(ReplyCodes, TextIsCutBetweenCharacters) {
  const std::string fits = reply_text(ReplyCode::not_found, std::string(243, 'x'));
  EXPECT_EQ(fits.size(), 255u);
  EXPECT_EQ(reply_text(ReplyCode::not_found, std::string(244, 'x')), fits);
  // The last character has two bytes, of which one would fit.
  const std::string cut = reply_text(ReplyCode::not_found, std::string(242, 'x') + "\xc3\xa9");
  EXPECT_EQ(cut, fits.substr(0, 254));
}

}  // namespace
}  // namespace millrace::amqp
