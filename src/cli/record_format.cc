#include "cli/record_format.h"

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

constexpr std::string_view kPlaceholders = "vsktpohTdSK";

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

// The letter that an escape stands for; moves `at` behind it.
Result<char> escaped(const std::string& text, std::size_t& at) {
  const char letter = at < text.size() ? text[at++] : '\0';
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    case 'x':
      if (at + 1 < text.size() && hex_digit(text[at]) >= 0 && hex_digit(text[at + 1]) >= 0) {
        const int value = hex_digit(text[at]) * 16 + hex_digit(text[at + 1]);
        at += 2;
        return static_cast<char>(value);
      }
      break;
    default:
      break;
  }
  return fail(ErrorCode::invalid_config,
              fmt::format("the format '{}' has an unknown escape; known are \\n \\t \\r \\0 \\\\ "
                          "\\xHH",
                          text));
}

std::int64_t size_or_null(const std::optional<ByteView>& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

void append_headers(std::string& out, const Record& record) {
  bool first = true;
  for (const RecordHeader& header : record.headers) {
    if (!first) out += ',';
    first = false;
    out += header.key;
    out += '=';
    out += header.value.value_or("");
  }
}

}  // namespace

Result<RecordFormat> RecordFormat::parse(const std::string& text) {
  RecordFormat format;
  std::string plain;
  std::size_t at = 0;
  while (at < text.size()) {
    const char letter = text[at++];
    if (letter == '\\') {
      auto plain_letter = escaped(text, at);
      if (!plain_letter) return std::unexpected(plain_letter.error());
      plain += *plain_letter;
    } else if (letter != '%') {
      plain += letter;
    } else {
      const char placeholder = at < text.size() ? text[at++] : '\0';
      if (placeholder == '%') {
        plain += '%';
      } else if (placeholder != '\0' && kPlaceholders.contains(placeholder)) {
        if (!plain.empty()) format.parts_.push_back({0, std::exchange(plain, {})});
        format.parts_.push_back({placeholder, {}});
      } else {
        return fail(ErrorCode::invalid_config,
                    fmt::format("the format '{}' has an unknown placeholder; known are %v value, "
                                "%k key, %t topic, %p partition, %o offset, %h headers, %T "
                                "timestamp, %d time, %S and %K sizes of value and key, %%",
                                text));
      }
    }
  }
  if (!plain.empty()) format.parts_.push_back({0, plain});
  return format;
}

void RecordFormat::append(std::string& out, const std::string& topic, std::int32_t partition,
                          const Record& record) const {
  const auto to = std::back_inserter(out);
  for (const Part& part : parts_) {
    switch (part.placeholder) {
      case 0:
        out += part.text;
        break;
      case 'v':
      case 's':
        if (record.value) out += as_text(*record.value);
        break;
      case 'k':
        if (record.key) out += as_text(*record.key);
        break;
      case 't':
        out += topic;
        break;
      case 'p':
        fmt::format_to(to, "{}", partition);
        break;
      case 'o':
        fmt::format_to(to, "{}", record.offset.value());
        break;
      case 'h':
        append_headers(out, record);
        break;
      case 'T':
        fmt::format_to(to, "{}", record.timestamp.value());
        break;
      case 'd':
        out += iso_time(record.timestamp.value());
        break;
      case 'S':
        fmt::format_to(to, "{}", size_or_null(record.value));
        break;
      case 'K':
        fmt::format_to(to, "{}", size_or_null(record.key));
        break;
      default:
        break;
    }
  }
}

std::string check_format(const std::string& text) {
  auto format = RecordFormat::parse(text);
  return format ? std::string() : std::string(format.error().message());
}

std::string record_json(const std::string& topic, std::int32_t partition, const Record& record) {
  Json out;
  out["topic"] = topic;
  out["partition"] = partition;
  out["offset"] = record.offset.value();
  out["timestamp"] = record.timestamp.value();
  set_bytes(out, "key", record.key);
  set_bytes(out, "value", record.value);
  out["headers"] = Json::array();
  for (const RecordHeader& header : record.headers) {
    Json row;
    row["name"] = header.key;
    set_bytes(row, "value", header.value ? std::optional(as_bytes(*header.value)) : std::nullopt);
    out["headers"].push_back(std::move(row));
  }
  return dump(out);
}

}  // namespace millrace::cli
