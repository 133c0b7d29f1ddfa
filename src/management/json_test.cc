#include "management/json.h"

#include <gtest/gtest.h>

#include "management/body.h"
#include "management/list_query.h"
#include "management/rates.h"
#include "management/routes.h"

namespace millrace::management {
namespace {

using namespace std::chrono_literals;

TEST(ManagementJson, TypedValuesAndBack) {
  const Json json = Json::parse(R"({"a":1,"b":-2.5,"c":"x","d":true,"e":null,"f":[1,"y"],"g":{}})");
  const auto table = to_table(json);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->find("a")->as_integer(), 1);
  EXPECT_TRUE(table->find("e")->is_null());
  EXPECT_EQ(to_json(*table), json);
  EXPECT_EQ(dump(to_json(Value(ByteString{"a\xff"}))), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(dump(to_json(Value(Decimal{2, 314}))), "3.14");
  EXPECT_EQ(dump(to_json(Value(TimestampSeconds{7}))), "7");
}

TEST(ManagementJson, WhatIsNoTable) {
  EXPECT_TRUE(to_table(Json::array()).has_value());
  EXPECT_FALSE(to_table(Json::array({1})).has_value());
  EXPECT_FALSE(to_table(Json("x")).has_value());
  EXPECT_FALSE(to_table(Json::parse(R"({"a":18446744073709551615})")).has_value());
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json::object({{"a", deep}});
  EXPECT_FALSE(to_table(deep).has_value());
}

TEST(ManagementJson, ErrorsHaveTheirStatus) {
  EXPECT_EQ(refuse(Error(ErrorCode::not_found)).status, 404u);
  EXPECT_EQ(refuse(Error(ErrorCode::precondition_failed, "so")).body,
            R"({"error":"bad_request","reason":"so"})");
  EXPECT_EQ(refuse(Error(ErrorCode::unsupported_feature)).status, 501u);
  EXPECT_EQ(refuse(Error(ErrorCode::storage_full)).status, 503u);
}

TEST(ManagementBody, FieldsMayBeTexts) {
  Body body(R"({"a":"true","b":false,"c":"12","d":-3,"e":null,"f":{"x":1}})");
  bool a = false;
  bool b = true;
  std::int64_t c = 0;
  std::int64_t d = 0;
  std::string e = "kept";
  ValueTable f;
  body.take("a", a);
  body.take("b", b);
  body.take("c", c);
  body.take("d", d);
  body.take("e", e);
  body.take("f", f);
  body.take("g", e);
  EXPECT_FALSE(body.error().has_value());
  EXPECT_EQ(std::tuple(a, b, c, d, e, f.size()), std::tuple(true, false, 12, -3, "kept", 1u));
}

TEST(ManagementBody, TheFirstMistakeIsTold) {
  for (const char* text : {R"({"a":"yes"})", R"({"a":1})", R"({"a":[]})"}) {
    Body body{std::string(text)};
    bool a = false;
    body.take("a", a);
    ASSERT_TRUE(body.error().has_value()) << text;
    EXPECT_EQ(body.error()->message(), "'a': true or false is needed");
    body.wrong("b", "another");
    EXPECT_EQ(body.error()->message(), "'a': true or false is needed");
  }
  for (const char* text : {R"({"a":"1x"})", R"({"a":1.5})", R"({"a":""})", R"({"a":true})"}) {
    Body body{std::string(text)};
    std::int64_t a = 0;
    body.take("a", a);
    EXPECT_TRUE(body.error().has_value()) << text;
  }
  Body body(R"({"a":null})");
  std::string a;
  body.need("a", a);
  EXPECT_EQ(body.error()->message(), "'a': it is missing");
  EXPECT_TRUE(Body("[1]").error().has_value());
  EXPECT_TRUE(Body("{").error().has_value());
  EXPECT_FALSE(Body(" \n").error().has_value());
  EXPECT_FALSE(Body("[]").error().has_value());
}

HttpRequest asking(std::string_view target) {
  HttpRequest request;
  EXPECT_TRUE(take_target(request, target).has_value());
  return request;
}

Json things() {
  return Json::parse(R"([{"name":"b","n":2,"s":{"x":1}},{"name":"ab","n":10},{"name":"c","n":1}])");
}

TEST(ManagementLists, ColumnsOrderAndPages) {
  EXPECT_EQ(answer_list(things(), asking("/x?columns=name,s.x&sort=n")).body,
            R"([{"name":"c"},{"name":"b","s":{"x":1}},{"name":"ab"}])");
  EXPECT_EQ(answer_list(things(), asking("/x?sort=s.x&sort_reverse=true&columns=n")).body,
            R"([{"n":2},{"n":1},{"n":10}])");
  EXPECT_EQ(answer_list(things(), asking("/x?name=b&page=2&page_size=1&columns=name")).body,
            R"({"filtered_count":2,"item_count":1,"items":[{"name":"ab"}],"page":2,)"
            R"("page_count":2,"page_size":1,"total_count":3})");
  EXPECT_EQ(Json::parse(answer_list(things(), asking("/x?page=9")).body)["items"], Json::array());
  EXPECT_EQ(answer_list(things(), asking("/x?page=0")).status, 400u);
  EXPECT_EQ(answer_list(things(), asking("/x?page=1&page_size=501")).status, 400u);
  EXPECT_EQ(answer_list(things(), asking("/x?use_regex=true")).status, 400u);
  EXPECT_EQ(answer_object(things()[0], asking("/x?columns=n,none")).body, R"({"n":2})");
}

TEST(ManagementRoutes, AQueryThatARouteDoesNotKnow) {
  const Route route{"GET", "/x", nullptr, "one|two"};
  EXPECT_EQ(unknown_query(route, asking("/x?one=1&two=2")), "");
  EXPECT_EQ(unknown_query(route, asking("/x?one=1&tw=2")), "tw");
  EXPECT_EQ(unknown_query(route, asking("/x?one|two")), "one|two");
  EXPECT_EQ(unknown_query({"GET", "/x", nullptr}, asking("/x?one")), "one");
}

MonotonicTime after(Duration time) { return MonotonicTime(time.count()); }

TEST(ManagementRates, AreOfTheLastSeconds) {
  Rates rates;
  const QueueId queue(1);
  EXPECT_EQ(rates.look(queue, {100, 0, 0}, after(1s))[0], 0);
  EXPECT_EQ(rates.look(queue, {110, 0, 0}, after(1500ms))[0], 0);  // too soon to tell
  EXPECT_DOUBLE_EQ(rates.look(queue, {120, 0, 4}, after(3s))[0], 10);
  EXPECT_DOUBLE_EQ(rates.look(queue, {120, 0, 4}, after(3s))[2], 2);
  EXPECT_DOUBLE_EQ(rates.look(queue, {200, 0, 4}, after(6s))[0], 20);  // the new one to count from
  EXPECT_DOUBLE_EQ(rates.look(queue, {200, 0, 4}, after(11s))[0], 0);
  // Less than before: the broker began again.
  EXPECT_EQ(rates.look(queue, {5, 0, 0}, after(13s))[0], 0);
  rates.keep_only({});
  EXPECT_EQ(rates.size(), 0u);
}

}  // namespace
}  // namespace millrace::management
