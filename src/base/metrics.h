// Metrics: the figures of a running broker for who watches it. All are rows of metric_table.h; who
// is asked for them counts in Counters and Histograms of its own and fills a page:
//
//   MetricsPage page;
//   page.set(Metric::topics, image.topics.size());
//   page.set(Metric::kafka_requests, count, {"Produce"});     // values of the labels, in order
//   page.observe(Metric::journal_flush_seconds, flush_time);
//   std::string body = page.text();                             // Prometheus text format 0.0.4
//
// https://prometheus.io/docs/instrumenting/exposition_formats/ is the format. A page is made for
// one scrape: nothing here is kept, and nothing of it is on the path of a message.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"

namespace millrace {

enum class Metric : std::uint16_t {
#define MILLRACE_METRIC(id, name, type, unit, labels, since, text) id,
#include "base/metric_table.h"
#undef MILLRACE_METRIC
};

enum class MetricType { counter, gauge, histogram };

struct MetricRow {
  std::string_view name;
  MetricType type;
  std::string_view unit;    // "seconds", "bytes", or nothing: a count
  std::string_view labels;  // names with commas between
  std::string_view since;
  std::string_view text;

  std::size_t label_count() const;
};

// In the order of the table, and so of Metric.
std::span<const MetricRow> metric_rows();
inline const MetricRow& row_of(Metric metric) {
  return metric_rows()[static_cast<std::size_t>(metric)];
}
std::string_view to_text(MetricType type);

class MetricsPage {
 public:
  using Labels = std::initializer_list<std::string_view>;
  MetricsPage();

  // Once per metric and labels.
  template <std::integral T>
  void set(Metric metric, T value, Labels labels = {}) {
    add_sample(metric, labels, std::to_string(value));
  }
  void set(Metric metric, double value, Labels labels = {});
  // For metrics in seconds.
  void set(Metric metric, std::chrono::nanoseconds time, Labels labels = {});
  void observe(Metric metric, const Histogram& histogram, Labels labels = {});

  std::string text() const;

 private:
  void add_sample(Metric metric, Labels labels, std::string_view value);

  std::vector<std::string> samples_;  // by metric: its lines
};

// The reference for people, docs/metrics.md.
std::string metrics_document();

}  // namespace millrace
