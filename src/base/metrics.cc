#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace millrace {
namespace {

using namespace std::string_literals;

constexpr MetricRow kRows[] = {
#define MILLRACE_METRIC(id, name, type, unit, labels, since, text) \
  {name, MetricType::type, unit, labels, since, text},
#include "base/metric_table.h"
#undef MILLRACE_METRIC
};

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// A label's value or a help text may hold anything that a client chose.
std::string escaped(std::string_view text) {
  std::string out;
  for (char character : text) {
    if (character == '\\' || character == '"') {
      out += '\\';
      out += character;
    } else if (character == '\n') {
      out += "\\n";
    } else {
      out += character;
    }
  }
  return out;
}

// `{topic="orders",partition="0"}`, or nothing. `bound` is a histogram's.
std::string label_text(const MetricRow& row, MetricsPage::Labels values, std::string_view bound) {
  std::string out;
  std::string_view names = row.labels;
  auto add = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out += fmt::format(R"({}="{}")", name, escaped(value));
  };
  for (std::string_view value : values) {
    const std::size_t comma = std::min(names.find(','), names.size());
    add(names.substr(0, comma), value);
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  if (!bound.empty()) add("le", bound);
  if (!out.empty()) out += '}';
  return out;
}

}  // namespace

std::span<const MetricRow> metric_rows() { return kRows; }

std::size_t MetricRow::label_count() const {
  if (labels.empty()) return 0;
  return static_cast<std::size_t>(std::ranges::count(labels, ',')) + 1;
}

std::string_view to_text(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
  }
  return "untyped";
}

MetricsPage::MetricsPage() : samples_(std::size(kRows)) {}

void MetricsPage::set(Metric metric, double value, Labels labels) {
  add_sample(metric, labels, fmt::format("{}", value));
}

void MetricsPage::set(Metric metric, std::chrono::nanoseconds time, Labels labels) {
  ASSERT(row_of(metric).unit == "seconds");
  set(metric, seconds(time), labels);
}

void MetricsPage::add_sample(Metric metric, Labels labels, std::string_view value) {
  const MetricRow& row = row_of(metric);
  ASSERT(row.type != MetricType::histogram);
  ASSERT(labels.size() == row.label_count());
  samples_[static_cast<std::size_t>(metric)] +=
      fmt::format("{}{} {}\n", row.name, label_text(row, labels, ""), value);
}

void MetricsPage::observe(Metric metric, const Histogram& histogram, Labels labels) {
  const MetricRow& row = row_of(metric);
  ASSERT(row.type == MetricType::histogram);
  ASSERT(labels.size() == row.label_count());
  std::string& out = samples_[static_cast<std::size_t>(metric)];
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    count += histogram.in_bucket(i);
    const std::string bound =
        i < Histogram::kBounds.size() ? fmt::format("{}", seconds(Histogram::kBounds[i])) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", row.name, label_text(row, labels, bound), count);
  }
  const std::string own = label_text(row, labels, "");
  out += fmt::format("{}_sum{} {}\n", row.name, own, seconds(histogram.sum()));
  out += fmt::format("{}_count{} {}\n", row.name, own, count);
}

std::string MetricsPage::text() const {
  std::string out;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    if (samples_[i].empty()) continue;
    const MetricRow& row = kRows[i];
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", row.name, row.text, row.name,
                       to_text(row.type));
    out += samples_[i];
  }
  return out;
}

std::string metrics_document() {
  std::string out =
      "# Metrics\n\n"
      "What `/metrics` on the HTTP listener says, in Prometheus' text format. Made from "
      "`src/base/metric_table.h`: change that.\nHow to scrape it and what to watch: "
      "[monitoring.md](monitoring.md).\n\n"
      "| metric | type | labels | since | what |\n| --- | --- | --- | --- | --- |\n";
  for (const MetricRow& row : kRows) {
    std::string labels;
    for (char character : row.labels)
      labels += character == ',' ? ", "s : std::string(1, character);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, to_text(row.type),
                       labels.empty() ? "" : fmt::format("`{}`", labels), row.since, row.text);
  }
  out += "\nThe buckets of all histograms end at";
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    out += fmt::format("{} {}", i == 0 ? "" : ",", seconds(Histogram::kBounds[i]));
  }
  out += " seconds.\n";
  return out;
}

}  // namespace millrace
