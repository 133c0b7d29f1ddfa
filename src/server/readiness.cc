#include "server/readiness.h"

#include <fmt/format.h>

#include <string_view>

#include "base/assert.h"

namespace millrace {
namespace {

struct Reason {
  std::string_view name;
  std::string_view text;
};

Reason reason_of(Readiness readiness) {
  switch (readiness) {
    case Readiness::ready:
      break;
    case Readiness::starting:
      return {"starting", "the broker reads its data and will serve by itself"};
    case Readiness::stopping:
      return {"stopping", "the broker was told to stop"};
    case Readiness::journal_stalled:
      return {"journal_stalled",
              "producing waits: the journal is full until a checkpoint has written it to segments"};
    case Readiness::disk_full:
      return {"disk_full",
              "producing is refused and reading goes on: make room on the disk of the data "
              "directory"};
    case Readiness::disk_failing:
      return {"disk_failing",
              "producing is refused and reading goes on: the disk of the data directory fails, "
              "see the log"};
  }
  ASSERT(false);
  return {};
}

}  // namespace

HttpAnswer readiness_answer(Readiness readiness) {
  HttpAnswer answer{.content_type = "application/json"};
  if (readiness == Readiness::ready) {
    answer.body = "{\"ready\":true}\n";
    return answer;
  }
  const Reason reason = reason_of(readiness);
  answer.status = 503;
  answer.body = fmt::format(R"({{"ready":false,"reason":"{}","text":"{}"}})"
                            "\n",
                            reason.name, reason.text);
  return answer;
}

}  // namespace millrace
