#include "server/readiness.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Readiness, ReadyIs200) {
  const HttpAnswer answer = readiness_answer(Readiness::ready);
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, "{\"ready\":true}\n");
}

TEST(Readiness, EverythingElseIs503AndSaysWhy) {
  for (auto [readiness, name] : {std::pair{Readiness::starting, "starting"},
                                 {Readiness::stopping, "stopping"},
                                 {Readiness::journal_stalled, "journal_stalled"},
                                 {Readiness::disk_full, "disk_full"},
                                 {Readiness::disk_failing, "disk_failing"}}) {
    const HttpAnswer answer = readiness_answer(readiness);
    EXPECT_EQ(answer.status, 503u) << name;
    const std::string begins =
        std::string("{\"ready\":false,\"reason\":\"") + name + "\",\"text\":\"";
    EXPECT_TRUE(answer.body.starts_with(begins)) << answer.body;
    EXPECT_TRUE(answer.body.ends_with("\"}\n")) << answer.body;
  }
}

}  // namespace
}  // namespace millrace
