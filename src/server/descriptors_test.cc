#include "server/descriptors.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

ServeOptions fitted(std::uint64_t descriptors, std::size_t cores = 1) {
  ServeOptions options = serve_options(Settings());
  options.cores = cores;
  fit_to_descriptors(descriptors, options);
  return options;
}

std::uint64_t all_of(const ServeOptions& options) {
  return options.cores * options.sessions.connections_max + options.http_limits.connections_max +
         2 * options.storage.open_segments_max;
}

TEST(DescriptorsTest, ManyChangeNothing) {
  const ServeOptions as_set = serve_options(Settings());
  const ServeOptions options = fitted(1'000'000);
  ServeOptions again = options;
  EXPECT_FALSE(fit_to_descriptors(1'000'000, again));
  EXPECT_TRUE(fit_to_descriptors(1024, again));
  EXPECT_EQ(options.sessions.connections_max, as_set.sessions.connections_max);
  EXPECT_EQ(options.http_limits.connections_max, as_set.http_limits.connections_max);
  EXPECT_EQ(options.storage.open_segments_max, as_set.storage.open_segments_max);
}

// 1000 are what 500 open segments would take: no client could come any more.
TEST(DescriptorsTest, FewAreShared) {
  for (std::uint64_t descriptors : {64, 128, 256, 1024, 4096}) {
    for (std::size_t cores : {1, 2, 8}) {
      const ServeOptions options = fitted(descriptors, cores);
      const std::uint64_t own = std::min<std::uint64_t>(80, descriptors / 4);
      EXPECT_LE(all_of(options), descriptors - own) << descriptors;
      EXPECT_GE(cores * options.sessions.connections_max, descriptors / 4) << descriptors;
      EXPECT_GE(options.storage.open_segments_max, descriptors / 16) << descriptors;
    }
  }
}

TEST(DescriptorsTest, SomeOfEachHoweverFew) {
  const ServeOptions options = fitted(4, 64);
  EXPECT_EQ(options.sessions.connections_max, 1);
  EXPECT_EQ(options.http_limits.connections_max, 1);
  EXPECT_EQ(options.storage.open_segments_max, 1);
}

TEST(DescriptorsTest, AListenerThatIsOffLeavesThemToTheOther) {
  ServeOptions options = serve_options(Settings());
  options.cores = 1;
  const std::size_t with = fitted(1024).sessions.connections_max;
  options.http.reset();
  fit_to_descriptors(1024, options);
  EXPECT_GT(options.sessions.connections_max, with);
}

}  // namespace
}  // namespace millrace
