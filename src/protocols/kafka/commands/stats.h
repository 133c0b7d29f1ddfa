// What is counted of the requests of one core's connections. Core-local.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/histogram.h"
#include "runtime/core.h"

namespace millrace::kafka {

struct ApiStats {
  Histogram time;  // one per request that was answered
  // By error code; what is no error is not counted. An answer may have several.
  std::map<std::int16_t, std::uint64_t> errors;
};

struct KafkaStats {
  KafkaStats();
  void add(const KafkaStats& other);

  ApiStats& of(std::int16_t api_key) { return apis[static_cast<std::size_t>(api_key)]; }

  std::vector<ApiStats> apis;  // by API key
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t closed_for_memory = 0;
  std::uint64_t open = 0;
  std::uint64_t in_work = 0;
};

// One request, from being read to being answered or given up.
class RequestWatch {
 public:
  RequestWatch(KafkaStats& stats, Core& core, std::int16_t api_key, MonotonicTime begun)
      : stats_(stats), core_(core), api_key_(api_key), begun_(begun) {
    ++stats_.in_work;
  }
  RequestWatch(const RequestWatch&) = delete;
  ~RequestWatch() { --stats_.in_work; }
  void answered() { stats_.of(api_key_).time.observe(Duration(core_.now() - begun_)); }

 private:
  KafkaStats& stats_;
  Core& core_;
  std::int16_t api_key_;
  MonotonicTime begun_;
};

}  // namespace millrace::kafka
