#include "management/list_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace millrace::management {
namespace {

constexpr std::int64_t kPageSize = 100;
constexpr std::int64_t kPageSizeMax = 500;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(at);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// "message_stats.publish": null when it is not there.
const Json* find(const Json& object, const std::vector<std::string>& path) {
  const Json* at = &object;
  for (const std::string& name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

void put(Json& object, const std::vector<std::string>& path, const Json& value) {
  Json* at = &object;
  for (const std::string& name : path) at = &(*at)[name];
  *at = value;
}

Json only(const Json& object, std::string_view columns) {
  Json out = Json::object();
  for (const std::string& column : split(columns, ',')) {
    const auto path = split(column, '.');
    const Json* value = find(object, path);
    if (value) put(out, path, *value);
  }
  return out;
}

struct Page {
  std::int64_t number = 0;  // 0: all
  std::int64_t size = kPageSize;
};

Result<void> take(std::int64_t& out, const HttpRequest& request, std::string_view name,
                  std::int64_t max) {
  const std::string* text = request.query_value(name);
  if (!text) return {};
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error == std::errc{} && end == text->data() + text->size() && out >= 1 && out <= max) {
    return {};
  }
  return fail(ErrorCode::invalid_request,
              fmt::format("{}: a number from 1 to {} is needed", name, max));
}

void sort(Json& rows, const HttpRequest& request) {
  const std::string* by = request.query_value("sort");
  if (!by || by->empty()) return;
  const auto path = split(*by, '.');
  const Json none;
  auto key = [&](const Json& row) -> const Json& {
    const Json* found = find(row, path);
    return found ? *found : none;
  };
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (key(rows[a]) < key(rows[b])) return true;
    return !(key(rows[b]) < key(rows[a])) && a < b;
  });
  Json sorted = Json::array();
  for (const std::size_t at : order) sorted.push_back(std::move(rows[at]));
  rows = std::move(sorted);
  const std::string* reverse = request.query_value("sort_reverse");
  if (reverse && *reverse == "true") std::ranges::reverse(rows);
}

Json page_of(const Json& rows, const Page& page, std::size_t total) {
  const auto count = static_cast<std::int64_t>(rows.size());
  Json items = Json::array();
  const std::int64_t first = (page.number - 1) * page.size;
  for (std::int64_t at = first; at < std::min(count, first + page.size); ++at) {
    items.push_back(rows[static_cast<std::size_t>(at)]);
  }
  Json out;
  out["filtered_count"] = count;
  out["item_count"] = items.size();
  out["items"] = std::move(items);
  out["page"] = page.number;
  out["page_count"] = std::max<std::int64_t>(1, (count + page.size - 1) / page.size);
  out["page_size"] = page.size;
  out["total_count"] = total;
  return out;
}

}  // namespace

HttpAnswer answer_object(const Json& object, const HttpRequest& request) {
  const std::string* columns = request.query_value("columns");
  return answer_json(columns && !columns->empty() ? only(object, *columns) : object);
}

HttpAnswer answer_list(Json rows, const HttpRequest& request) {
  Page page;
  constexpr std::int64_t kPagesMax = 1'000'000;
  if (auto taken = take(page.number, request, "page", kPagesMax); !taken) {
    return refuse(taken.error());
  }
  if (auto taken = take(page.size, request, "page_size", kPageSizeMax); !taken) {
    return refuse(taken.error());
  }
  const std::string* regex = request.query_value("use_regex");
  if (regex && *regex == "true") {
    return refuse(400, "use_regex: names are looked up as parts of names only");
  }
  const std::size_t total = rows.size();
  const std::string* name = request.query_value("name");
  if (name && !name->empty()) {
    std::erase_if(rows.get_ref<Json::array_t&>(), [&](const Json& row) {
      const auto found = row.find("name");
      return found == row.end() || !found->is_string() ||
             found->get_ref<const std::string&>().find(*name) == std::string::npos;
    });
  }
  sort(rows, request);
  const std::string* columns = request.query_value("columns");
  if (columns && !columns->empty()) {
    for (Json& row : rows) row = only(row, *columns);
  }
  return answer_json(page.number > 0 ? page_of(rows, page, total) : rows);
}

}  // namespace millrace::management
