#include "admin/http_request.h"

#include <gtest/gtest.h>

#include <tuple>

#include "admin/http_routes.h"
#include "base/percent.h"

namespace millrace {
namespace {

using Strings = std::vector<std::string>;

HttpRequest parsed(std::string_view target) {
  HttpRequest request;
  const auto taken = take_target(request, target);
  EXPECT_TRUE(taken.has_value()) << target;
  return request;
}

TEST(HttpTarget, SegmentsAreDecodedAfterTheyAreSplit) {
  EXPECT_EQ(parsed("/api/queues/%2F/a%2fb%20c").segments, (Strings{"api", "queues", "/", "a/b c"}));
  EXPECT_EQ(parsed("/a+b/%C3%A9").segments, (Strings{"a+b", "\xc3\xa9"}));
  EXPECT_EQ(parsed("/a//b").segments, (Strings{"a", "", "b"}));
  EXPECT_EQ(parsed("/a/").segments, (Strings{"a"}));
  EXPECT_EQ(parsed("/").segments, Strings{});
}

TEST(HttpTarget, TheQueryToo) {
  const HttpRequest request = parsed("/api/queues?columns=name,a.b&name=x+y%2Bz&&flag&e=");
  EXPECT_EQ(request.segments, (Strings{"api", "queues"}));
  EXPECT_EQ(*request.query_value("columns"), "name,a.b");
  EXPECT_EQ(*request.query_value("name"), "x y+z");
  EXPECT_EQ(*request.query_value("flag"), "");
  EXPECT_EQ(*request.query_value("e"), "");
  EXPECT_EQ(request.query_value("other"), nullptr);
  EXPECT_EQ(request.query.size(), 4u);
}

TEST(HttpTarget, WhatIsNoneIsRefused) {
  for (const char* target : {"", "api", "*", "/%", "/%2", "/%2g", "/x?a=%z1", "/x?%=1"}) {
    HttpRequest request;
    EXPECT_FALSE(take_target(request, target).has_value()) << target;
  }
}

TEST(HttpTarget, EncodedSegmentsAreWhatTheyWere) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_encoded("/ a-b_c.d~e+"), "%2F%20a-b_c.d~e%2B");
  EXPECT_EQ(parsed("/" + percent_encoded(all)).segments, Strings{all});
}

TEST(HttpHeaders, TheirCaseIsNothing) {
  HttpRequest request;
  request.headers.emplace("X-Reason", "why");
  EXPECT_EQ(*request.header("x-reason"), "why");
  EXPECT_EQ(request.header("x-reasons"), nullptr);
}

Task<HttpAnswer> nothing(HttpRequest) { co_return HttpAnswer{}; }

TEST(HttpRoutes, TheFirstThatTakesAPathCounts) {
  HttpRoutes routes;
  routes.add("GET", "/api/things/all", nothing);
  routes.add("GET", "/api/things/{name}", nothing);
  routes.add("DELETE", "/api/things/{name}", nothing);
  auto find = [&](std::string method, std::string_view target) {
    HttpRequest request = parsed(target);
    request.method = std::move(method);
    auto found = routes.find(request);
    return std::tuple(found.handler != nullptr, found.allowed, request.parameters.size());
  };
  using Found = std::tuple<bool, std::string, std::size_t>;
  EXPECT_EQ(find("GET", "/api/things/all"), Found(true, "", 0));
  EXPECT_EQ(find("GET", "/api/things/other"), Found(true, "", 1));
  EXPECT_EQ(find("HEAD", "/api/things/other"), Found(true, "", 1));
  EXPECT_EQ(std::get<0>(find("DELETE", "/api/things/other")), true);
  EXPECT_EQ(find("PUT", "/api/things/other"), Found(false, "GET, HEAD, DELETE", 0));
  EXPECT_EQ(find("GET", "/api/things"), Found(false, "", 0));
  EXPECT_EQ(find("GET", "/api/things/a/b"), Found(false, "", 0));
  EXPECT_EQ(routes.paths(), "/api/things/all /api/things/{name}");
}

}  // namespace
}  // namespace millrace
