// What a client asks of a list besides the list: which columns, in what order, which page.
//
//   GET /api/queues?columns=name,messages&sort=messages&sort_reverse=true
//   GET /api/queues?page=2&page_size=50&name=order
//
// With `page` the answer is an object with the page in "items", without it the array.
#pragma once

#include "management/json.h"

namespace millrace::management {

// The names that a list knows; '|' between them. The last ones of them change nothing here.
inline constexpr std::string_view kListQuery =
    "columns|sort|sort_reverse|page|page_size|name|use_regex|pagination|disable_stats|"
    "enable_queue_totals|detailed|lengths_age|lengths_incr|msg_rates_age|msg_rates_incr|"
    "data_rates_age|data_rates_incr|node_stats_age|node_stats_incr";
inline constexpr std::string_view kObjectQuery =
    "columns|disable_stats|enable_queue_totals|detailed|lengths_age|lengths_incr|msg_rates_age|"
    "msg_rates_incr|data_rates_age|data_rates_incr|node_stats_age|node_stats_incr";

// `rows`: an array of objects.
HttpAnswer answer_list(Json rows, const HttpRequest& request);
HttpAnswer answer_object(const Json& object, const HttpRequest& request);

}  // namespace millrace::management
