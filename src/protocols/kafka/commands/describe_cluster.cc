// DescribeCluster - one broker, which is its own controller.
#include "protocols/kafka/commands/authorized_operations.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<DescribeClusterResponse> describe_cluster(Context context, DescribeClusterRequest request) {
  constexpr std::int8_t kBrokers = 1;
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokers) {
    Error error(ErrorCode::invalid_request, "this is a listener for brokers, not for controllers");
    response.error_code = code_of(error);
    response.error_message = text_of(error);
    co_return response;
  }
  const Endpoint& endpoint = context.endpoint();
  response.cluster_id = endpoint.cluster_id;
  response.controller_id = endpoint.node_id;
  DescribeClusterResponse::Broker broker;
  broker.broker_id = endpoint.node_id;
  broker.host = endpoint.host;
  broker.port = endpoint.port;
  response.brokers.push_back(std::move(broker));
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  co_return response;
}

}  // namespace millrace::kafka
