#include "doctor/report.h"

#include <gtest/gtest.h>

namespace millrace::doctor {
namespace {

std::string printed(const Report& report, bool json, int exit_code) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(report.print(json), exit_code);
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout();
}

TEST(ReportTest, LinesForPeople) {
  Report report("data");
  report.fine("lock", "free");
  report.note("journal", "not clean");
  EXPECT_EQ(printed(report, false, 0),
            "ok       lock     free\n"
            "note     journal  not clean\n"
            "data: nothing is wrong\n");
  report.finding("disk", "full", "make room");
  EXPECT_EQ(report.findings(), 1u);
  EXPECT_EQ(printed(report, false, 1),
            "ok       lock     free\n"
            "note     journal  not clean\n"
            "finding  disk     full\n"
            "                  -> make room\n"
            "data: 1 finding\n");
}

TEST(ReportTest, JsonForPrograms) {
  Report report("h:1");
  report.finding("disk", "full", "make room");
  EXPECT_EQ(printed(report, true, 1),
            R"({"subject":"h:1","findings":1,"checks":[{"check":"disk","outcome":"finding",)"
            R"("text":"full","advice":"make room"}]})"
            "\n");
}

}  // namespace
}  // namespace millrace::doctor
