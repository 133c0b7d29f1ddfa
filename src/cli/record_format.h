// How `millrace consume` prints a record.
//
//   Result<RecordFormat> format = RecordFormat::parse("%p:%o %k=%v\\n");
//   format->append(out, topic, partition, record);
//
//   %v %s value   %k key   %t topic   %p partition   %o offset   %h headers, NAME=VALUE,...
//   %T timestamp in ms   %d timestamp as text   %S %K size of value and key in bytes, -1 for null
//   %% a percent sign   \n \t \r \0 \\ \xHH
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/batch.h"

namespace millrace::cli {

class RecordFormat {
 public:
  // Error::invalid_config names what is unknown.
  static Result<RecordFormat> parse(const std::string& text);

  void append(std::string& out, const std::string& topic, std::int32_t partition,
              const Record& record) const;

 private:
  struct Part {
    char placeholder = 0;  // 0: the text
    std::string text;
  };
  std::vector<Part> parts_;
};

// For CLI11's check(): what is wrong, or nothing.
std::string check_format(const std::string& text);

// {"topic":...,"partition":...,"offset":...,"timestamp":...,"key":...,"value":...,"headers":[...]}
std::string record_json(const std::string& topic, std::int32_t partition, const Record& record);

}  // namespace millrace::cli
