// ListGroups - the groups of all shards, by state and type when the request says which.
#include <algorithm>
#include <cctype>

#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::string_view kClassic = "classic";  // the one type there is

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char left, unsigned char right) {
    return std::tolower(left) == std::tolower(right);
  });
}

// No filter lets everything through; one that names nothing that exists, nothing.
bool passes(const std::vector<std::string>& filter, std::string_view value) {
  auto is_value = [value](const std::string& wanted) { return same_letters(wanted, value); };
  return filter.empty() || std::ranges::any_of(filter, is_value);
}

}  // namespace

Task<ListGroupsResponse> list_groups(Context context, ListGroupsRequest request) {
  ListGroupsResponse response;
  if (!passes(request.types_filter, kClassic)) co_return response;
  auto groups = co_await context.broker().list_groups();
  if (!groups) {
    response.error_code = code_of(groups.error());
    co_return response;
  }
  for (ListGroupsReply::Group& group : *groups) {
    std::string_view state = group_state_name(group.state);
    if (!passes(request.states_filter, state)) continue;
    response.groups.push_back({.group_id = std::move(group.group),
                               .protocol_type = std::move(group.protocol_type),
                               .group_state = std::string(state),
                               .group_type = std::string(kClassic)});
  }
  co_return response;
}

}  // namespace millrace::kafka
