#include "base/metrics.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace millrace {
namespace {

using namespace std::chrono_literals;

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, NothingIsSaidOfWhatWasNotSet) { EXPECT_EQ(MetricsPage().text(), ""); }

TEST(Metrics, ASampleHasItsHelpAndItsType) {
  MetricsPage page;
  page.set(Metric::topics, 3);
  EXPECT_EQ(page.text(),
            "# HELP millrace_topics Topics.\n# TYPE millrace_topics gauge\nmillrace_topics 3\n");
}

TEST(Metrics, SamplesOfOneMetricStandTogether) {
  MetricsPage page;
  page.set(Metric::topic_records_in, 1, {"a"});
  page.set(Metric::topic_bytes_in, 10, {"a"});
  page.set(Metric::topic_records_in, 2, {"b"});
  const std::string text = page.text();
  EXPECT_NE(text.find("millrace_topic_records_in_total{topic=\"a\"} 1\n"
                      "millrace_topic_records_in_total{topic=\"b\"} 2\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(has_line(text, "millrace_topic_bytes_in_total{topic=\"a\"} 10"));
}

TEST(Metrics, LabelsInOrderAndEscaped) {
  MetricsPage page;
  page.set(Metric::group_lag, 7, {"a \"b\" \\ \n c", "orders", "0"});
  EXPECT_TRUE(has_line(page.text(), R"(millrace_group_lag_records{group="a \"b\" \\ \n c",)"
                                    R"(topic="orders",partition="0"} 7)"))
      << page.text();
}

TEST(Metrics, TimesAreInSeconds) {
  MetricsPage page;
  page.set(Metric::startup_seconds, 1500ms);
  page.set(Metric::core_busy_seconds, 250us, {"0"});
  EXPECT_TRUE(has_line(page.text(), "millrace_startup_seconds 1.5"));
  EXPECT_TRUE(has_line(page.text(), "millrace_core_busy_seconds_total{core=\"0\"} 0.00025"));
}

TEST(Metrics, AHistogramAddsUpFromBelow) {
  Histogram histogram;
  histogram.observe(50us);
  histogram.observe(3ms);
  histogram.observe(1h);
  MetricsPage page;
  page.observe(Metric::kafka_request_seconds, histogram, {"Produce"});
  const std::string text = page.text();
  const std::string name = "millrace_kafka_request_seconds";
  EXPECT_TRUE(has_line(text, "# TYPE " + name + " histogram"));
  EXPECT_TRUE(has_line(text, name + R"(_bucket{api="Produce",le="0.0001"} 1)")) << text;
  EXPECT_TRUE(has_line(text, name + R"(_bucket{api="Produce",le="0.0025"} 1)"));
  EXPECT_TRUE(has_line(text, name + R"(_bucket{api="Produce",le="0.005"} 2)"));
  EXPECT_TRUE(has_line(text, name + R"(_bucket{api="Produce",le="10"} 2)"));
  EXPECT_TRUE(has_line(text, name + R"(_bucket{api="Produce",le="+Inf"} 3)"));
  EXPECT_TRUE(has_line(text, name + R"(_count{api="Produce"} 3)"));
  EXPECT_TRUE(has_line(text, name + R"(_sum{api="Produce"} 3600.00305)")) << text;
}

TEST(Metrics, AHistogramWithoutLabels) {
  MetricsPage page;
  page.observe(Metric::checkpoint_seconds, Histogram());
  EXPECT_TRUE(has_line(page.text(), R"(millrace_checkpoint_seconds_bucket{le="+Inf"} 0)"));
  EXPECT_TRUE(has_line(page.text(), "millrace_checkpoint_seconds_count 0"));
}

// https://prometheus.io/docs/practices/naming/
TEST(MetricTable, NamesAreAsTheFieldExpects) {
  std::set<std::string_view> names;
  for (const MetricRow& row : metric_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " twice";
    const bool is_standard = row.name.starts_with("process_");
    EXPECT_TRUE(row.name.starts_with("millrace_") || is_standard) << row.name;
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos)
        << row.name;
    EXPECT_EQ(row.name.ends_with("_total"), row.type == MetricType::counter) << row.name;
    if (!row.unit.empty()) {
      EXPECT_TRUE(row.unit == "seconds" || row.unit == "bytes") << row.name;
      EXPECT_NE(row.name.find("_" + std::string(row.unit)), std::string::npos) << row.name;
    }
    if (row.type == MetricType::histogram) EXPECT_EQ(row.unit, "seconds") << row.name;
    EXPECT_FALSE(row.since.empty()) << row.name;
    EXPECT_TRUE(row.text.ends_with(".")) << row.name;
    EXPECT_EQ(row.text.find_first_of("\n\\|"), std::string::npos) << row.name;
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// MILLRACE_WRITE_DOCS=1 writes it anew.
TEST(MetricTable, TheReferenceIsWhatTheTableSays) {
  const std::string path = std::string(MILLRACE_SOURCE_DIR) + "/docs/metrics.md";
  if (std::getenv("MILLRACE_WRITE_DOCS")) {  // NOLINT(concurrency-mt-unsafe): one thread
    std::ofstream(path) << metrics_document();
  }
  EXPECT_EQ(read_file(path), metrics_document())
      << "run test_millrace_base with MILLRACE_WRITE_DOCS=1";
}

// Every name that a page for people has exists, with the endings of a histogram's lines or without.
TEST(MetricTable, PagesNameMetricsThatExist) {
  std::set<std::string> known;
  for (const MetricRow& row : metric_rows()) {
    known.insert(std::string(row.name));
    if (row.type != MetricType::histogram) continue;
    for (const char* ending : {"_bucket", "_sum", "_count"}) {
      known.insert(std::string(row.name) + ending);
    }
  }
  std::size_t found = 0;
  for (const char* page : {"/README.md", "/HACKING.md", "/docs/monitoring.md"}) {
    const std::string text = read_file(MILLRACE_SOURCE_DIR + std::string(page));
    ASSERT_FALSE(text.empty()) << page;
    for (const char* prefix : {"millrace_", "process_"}) {
      for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
        if (at > 0 && (std::isalnum(text[at - 1]) != 0 || text[at - 1] == '_')) continue;
        auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
        if (end == std::string::npos) end = text.size();
        const std::string name = text.substr(at, end - at);
        EXPECT_TRUE(known.contains(name)) << page << " names " << name;
        ++found;
      }
    }
  }
  EXPECT_GT(found, 20u);
}

}  // namespace
}  // namespace millrace
