#include "client/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "client/server_error.h"
#include "protocols/kafka/wire/gen/find_coordinator.h"
#include "protocols/kafka/wire/gen/metadata.h"

namespace millrace::client {
namespace {

using kafka::FindCoordinatorRequest;
using kafka::FindCoordinatorResponse;
using kafka::MetadataRequest;
using kafka::MetadataResponse;

constexpr std::int16_t kUnknownTopic = 3;
constexpr std::int16_t kNamesOnlyCap = 3;  // FindCoordinator: one key a request
constexpr Milliseconds kRetryPause{100};

Result<Topic> to_topic(const MetadataResponse::Topic& in) {
  Topic topic;
  topic.name = in.name.value_or("");
  topic.id = in.topic_id;
  topic.internal = in.is_internal;
  for (const auto& partition : in.partitions) {
    topic.partitions.push_back({partition.partition_index, partition.leader_id});
    topic.replicas = static_cast<std::int16_t>(partition.replica_nodes.size());
  }
  std::ranges::sort(topic.partitions, {}, &Partition::index);
  // Everything here counts on it.
  for (std::size_t i = 0; i < topic.partitions.size(); ++i)
    if (topic.partitions[i].index != static_cast<std::int32_t>(i))
      return fail(ErrorCode::connection_broken,
                  fmt::format("the server's list of the partitions of {} has gaps", topic.name));
  return topic;
}

std::unexpected<Error> unknown_topic(const std::string& name) {
  return fail(ErrorCode::unknown_topic_or_partition,
              fmt::format("there is no topic '{}': see 'millrace topics list', or create it with "
                          "'millrace topics create {}'",
                          name, name));
}

}  // namespace

Result<void> Topic::check_partition(std::int32_t partition) const {
  if (partition >= 0 && static_cast<std::size_t>(partition) < partitions.size()) return {};
  return fail(ErrorCode::unknown_topic_or_partition,
              partitions.size() == 1
                  ? fmt::format("{} has no partition {}: it has partition 0 alone", name, partition)
                  : fmt::format("{} has no partition {}: it has 0 to {}", name, partition,
                                partitions.size() - 1));
}

Result<void> Client::ready(std::shared_ptr<Connection>& connection, const ServerAddress& address) {
  if (connection && !connection->broken()) return {};
  connection.reset();
  auto opened = Connection::open(address, options_.timeout);
  if (!opened) return std::unexpected(opened.error());
  connection = std::move(*opened);
  return {};
}

Result<Connection*> Client::any() {
  TRY(ready(any_, options_.server));
  return any_.get();
}

Result<std::shared_ptr<Connection>> Client::broker(std::int32_t node) {
  const auto found = brokers_.find(node);
  if (found == brokers_.end())
    return fail(ErrorCode::would_block,
                node < 0 ? std::string("the partition has no leader at this moment")
                         : fmt::format("the server does not say where its broker {} is", node));
  TRY(ready(found->second.connection, found->second.address));
  return found->second.connection;
}

std::vector<std::int32_t> Client::nodes() const {
  std::vector<std::int32_t> nodes;
  for (const auto& [node, broker] : brokers_) nodes.push_back(node);
  return nodes;
}

Result<Connection*> Client::coordinator(const std::string& group) {
  if (coordinator_ && !coordinator_->broken() && coordinated_group_ == group)
    return coordinator_.get();
  FindCoordinatorRequest request;
  request.key = group;
  const Deadline deadline(options_.timeout);
  for (;;) {
    auto response = call<FindCoordinatorResponse>(request, kNamesOnlyCap);
    if (!response) return std::unexpected(response.error());
    if (is_retriable(response->error_code) && !deadline.passed()) {
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    TRY(check(response->error_code, response->error_message));
    coordinator_.reset();
    coordinated_group_ = group;
    ServerAddress address{response->host, static_cast<std::uint16_t>(response->port)};
    if (brokers_.empty()) TRY(topics());
    TRY(ready(coordinator_, brokers_.size() <= 1 ? options_.server : address));
    return coordinator_.get();
  }
}

Result<std::vector<Topic>> Client::topics() { return fetch_topics(nullptr, false); }

Result<std::vector<Topic>> Client::fetch_topics(const std::string* name, bool create) {
  MetadataRequest request;
  request.topics = std::nullopt;
  request.allow_auto_topic_creation = create;
  if (name != nullptr) {
    MetadataRequest::Topic& topic = request.topics.emplace().emplace_back();
    topic.name = *name;
  }
  auto response = call<MetadataResponse>(request);
  if (!response) return std::unexpected(response.error());
  TRY(check(response->error_code));
  std::map<std::int32_t, Broker> brokers;
  for (const auto& broker : response->brokers) {
    Broker& known = brokers[broker.node_id];
    const ServerAddress advertised{broker.host, static_cast<std::uint16_t>(broker.port)};
    known.address = response->brokers.size() == 1 ? options_.server : advertised;
    const auto before = brokers_.find(broker.node_id);
    if (before != brokers_.end() && before->second.address == known.address)
      known.connection = std::move(before->second.connection);
  }
  brokers_ = std::move(brokers);
  std::vector<Topic> topics;
  for (const auto& answered : response->topics) {
    if (answered.error_code != 0) {
      if (name == nullptr) continue;  // deleted this very moment
      if (answered.error_code == kUnknownTopic) return unknown_topic(*name);
      return std::unexpected(server_error(answered.error_code));
    }
    auto topic = to_topic(answered);
    if (!topic) return std::unexpected(topic.error());
    topics.push_back(std::move(*topic));
  }
  std::ranges::sort(topics, {}, &Topic::name);
  return topics;
}

Result<Topic> Client::topic(const std::string& name) {
  auto topics = fetch_topics(&name, false);
  if (!topics) return std::unexpected(topics.error());
  if (topics->empty() || topics->front().partitions.empty()) return unknown_topic(name);
  return std::move(topics->front());
}

Result<Topic> Client::topic_or_new(const std::string& name) {
  const Deadline deadline(options_.timeout);
  for (;;) {
    auto topics = fetch_topics(&name, true);
    const bool led =
        topics && !topics->empty() && !topics->front().partitions.empty() &&
        std::ranges::all_of(topics->front().partitions,
                            [](const Partition& partition) { return partition.leader >= 0; });
    if (led) return std::move(topics->front());
    if (!topics && topics.error().code != ErrorCode::unknown_topic_or_partition &&
        topics.error().code != ErrorCode::would_block)
      return std::unexpected(topics.error());
    if (deadline.passed()) return topics ? unknown_topic(name) : std::unexpected(topics.error());
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace millrace::client
