#include "doctor/broker_checks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/group_facts.h"
#include "cli/text.h"
#include "client/dial.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/api_versions.h"
#include "protocols/kafka/wire/gen/list_groups.h"
#include "protocols/kafka/wire/gen/metadata.h"

namespace millrace::doctor {
namespace {

using kafka::ApiVersionsRequest;
using kafka::ApiVersionsResponse;
using kafka::ListGroupsRequest;
using kafka::ListGroupsResponse;
using kafka::MetadataRequest;
using kafka::MetadataResponse;

constexpr std::string_view kEmptyGroup = "Empty";
// How many names stand in one sentence.
constexpr std::size_t kNamesMax = 5;

std::string some_of(const std::vector<std::string>& names) {
  const std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesMax)));
  const auto more = names.size() - shown.size();
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     more == 0 ? "" : fmt::format(" and {} more", more));
}

Result<void> check_answers(client::Client& client, const std::string& server, Report& report) {
  auto connection = client.any();
  if (!connection) return std::unexpected(connection.error());
  const auto begun = client::Clock::now();
  auto versions = (*connection)->call<ApiVersionsResponse>(ApiVersionsRequest{});
  if (!versions) return std::unexpected(versions.error());
  const std::chrono::duration<double, std::milli> took = client::Clock::now() - begun;
  TRY(client::check(versions->error_code));
  report.fine("server", fmt::format("{} answers in {:.1f} ms", server, took.count()));
  report.fine("apis", fmt::format("offers {}",
                                  cli::counted(static_cast<std::int64_t>(versions->api_keys.size()),
                                               "Kafka API")));
  return {};
}

// Clients go to the address that a broker names, whatever they first connected to.
void check_brokers(const MetadataResponse& metadata, client::Milliseconds timeout, Report& report) {
  for (const auto& broker : metadata.brokers) {
    const client::ServerAddress address{broker.host, static_cast<std::uint16_t>(broker.port)};
    auto socket = client::dial(address, timeout);
    if (socket) {
      ::close(*socket);
      report.fine("address", fmt::format("broker {} advertises {}, which is reached from here",
                                         broker.node_id, address.text()));
    } else {
      report.finding("address",
                     fmt::format("broker {} advertises {}, which is not reached from here: {}",
                                 broker.node_id, address.text(), socket.error().message()),
                     "clients are sent there: advertise an address that they reach "
                     "(kafka.advertise)");
    }
  }
}

void check_topics(const MetadataResponse& metadata, Report& report) {
  std::vector<std::string> leaderless;
  std::vector<std::string> behind;
  std::size_t partitions = 0;
  for (const auto& topic : metadata.topics) {
    partitions += topic.partitions.size();
    for (const auto& partition : topic.partitions) {
      const std::string name =
          fmt::format("{}/{}", topic.name.value_or(""), partition.partition_index);
      if (partition.leader_id < 0)
        leaderless.push_back(name);
      else if (partition.isr_nodes.size() < partition.replica_nodes.size())
        behind.push_back(name);
    }
  }
  if (!leaderless.empty())
    report.finding("topics", "without a leader: " + some_of(leaderless),
                   "they take and give nothing until a broker that has them is back");
  if (!behind.empty())
    report.finding("topics", "with replicas that are behind: " + some_of(behind),
                   "look at the brokers that hold them");
  if (leaderless.empty() && behind.empty())
    report.fine(
        "topics",
        fmt::format("{}, {}, all with a leader",
                    cli::counted(static_cast<std::int64_t>(metadata.topics.size()), "topic"),
                    cli::counted(static_cast<std::int64_t>(partitions), "partition")));
}

// A broker lists the groups that it keeps: all of them are asked.
Result<std::vector<ListGroupsResponse::Group>> all_groups(client::Client& client) {
  TRY(client.topics());
  std::vector<ListGroupsResponse::Group> all;
  for (const std::int32_t node : client.nodes()) {
    auto connection = client.broker(node);
    if (!connection) return std::unexpected(connection.error());
    auto response = (*connection)->call<ListGroupsResponse>(ListGroupsRequest{});
    if (!response) return std::unexpected(response.error());
    TRY(client::check(response->error_code));
    std::ranges::move(response->groups, std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &ListGroupsResponse::Group::group_id);
  return all;
}

struct Lag {
  std::int64_t records = 0;
  std::set<std::string> lost_topics;  // committed for, and no more
};

Result<Lag> lag_of(client::Client& client, const std::string& name) {
  auto group = cli::describe_group(client, name);
  if (!group) return std::unexpected(group.error());
  auto positions = cli::group_positions(client, *group);
  if (!positions) return std::unexpected(positions.error());
  Lag lag;
  for (const cli::GroupPosition& position : *positions) {
    lag.records += position.lag().value_or(0);
    if (position.committed && !position.end) lag.lost_topics.insert(position.topic);
  }
  return lag;
}

Result<void> check_groups(client::Client& client, Report& report) {
  auto groups = all_groups(client);
  if (!groups) return std::unexpected(groups.error());
  const auto before = report.findings();
  std::size_t with_members = 0;
  for (const auto& group : *groups) {
    if (group.group_state != kEmptyGroup) {
      ++with_members;
      continue;
    }
    auto lag = lag_of(client, group.group_id);
    // It went while we looked.
    if (!lag && lag.error().code == ErrorCode::group_id_not_found) continue;
    if (!lag) return std::unexpected(lag.error());
    if (lag->records > 0)
      report.finding("groups",
                     fmt::format("'{}' has no members and {} to read", group.group_id,
                                 cli::counted(lag->records, "record")),
                     fmt::format("start its consumers, or delete it: millrace groups delete {}",
                                 group.group_id));
    if (!lag->lost_topics.empty())
      report.note("groups",
                  fmt::format("'{}' has commits for topics that are no more: {}", group.group_id,
                              some_of({lag->lost_topics.begin(), lag->lost_topics.end()})));
  }
  if (report.findings() == before)
    report.fine("groups",
                fmt::format("{}, {} with members",
                            cli::counted(static_cast<std::int64_t>(groups->size()), "group"),
                            with_members));
  return {};
}

}  // namespace

Result<void> check_broker(const client::ClientOptions& options, Report& report) {
  client::Client client(options);
  TRY(check_answers(client, options.server.text(), report));
  MetadataRequest everything;
  everything.topics = std::nullopt;
  everything.allow_auto_topic_creation = false;
  auto metadata = client.call<MetadataResponse>(everything);
  if (!metadata) return std::unexpected(metadata.error());
  TRY(client::check(metadata->error_code));
  check_brokers(*metadata, options.timeout, report);
  check_topics(*metadata, report);
  return check_groups(client, report);
}

}  // namespace millrace::doctor
