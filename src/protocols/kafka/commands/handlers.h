// The functions behind the table, one file each.
#pragma once

#include "protocols/kafka/commands/context.h"
#include "protocols/kafka/wire/gen/messages.h"

namespace millrace::kafka {

Task<ApiVersionsResponse> api_versions(Context context, ApiVersionsRequest request);
Task<MetadataResponse> metadata(Context context, MetadataRequest request);
Task<ProduceResponse> produce(Context context, ProduceRequest request);
Task<FetchResponse> fetch(Context context, FetchRequest request);
Task<ListOffsetsResponse> list_offsets(Context context, ListOffsetsRequest request);
Task<OffsetForLeaderEpochResponse> offset_for_leader_epoch(Context context,
                                                           OffsetForLeaderEpochRequest request);
Task<CreateTopicsResponse> create_topics(Context context, CreateTopicsRequest request);
Task<InitProducerIdResponse> init_producer_id(Context context, InitProducerIdRequest request);
Task<FindCoordinatorResponse> find_coordinator(Context context, FindCoordinatorRequest request);
Task<JoinGroupResponse> join_group(Context context, JoinGroupRequest request);
Task<SyncGroupResponse> sync_group(Context context, SyncGroupRequest request);
Task<HeartbeatResponse> heartbeat(Context context, HeartbeatRequest request);
Task<LeaveGroupResponse> leave_group(Context context, LeaveGroupRequest request);
Task<OffsetCommitResponse> offset_commit(Context context, OffsetCommitRequest request);
Task<OffsetFetchResponse> offset_fetch(Context context, OffsetFetchRequest request);
Task<DescribeGroupsResponse> describe_groups(Context context, DescribeGroupsRequest request);
Task<DeleteGroupsResponse> delete_groups(Context context, DeleteGroupsRequest request);
Task<OffsetDeleteResponse> offset_delete(Context context, OffsetDeleteRequest request);
Task<DescribeClusterResponse> describe_cluster(Context context, DescribeClusterRequest request);
Task<ListGroupsResponse> list_groups(Context context, ListGroupsRequest request);
Task<DeleteTopicsResponse> delete_topics(Context context, DeleteTopicsRequest request);
Task<DeleteRecordsResponse> delete_records(Context context, DeleteRecordsRequest request);
Task<DescribeConfigsResponse> describe_configs(Context context, DescribeConfigsRequest request);
Task<AlterConfigsResponse> alter_configs(Context context, AlterConfigsRequest request);
Task<DescribeLogDirsResponse> describe_log_dirs(Context context, DescribeLogDirsRequest request);
Task<CreatePartitionsResponse> create_partitions(Context context, CreatePartitionsRequest request);
Task<ElectLeadersResponse> elect_leaders(Context context, ElectLeadersRequest request);
Task<IncrementalAlterConfigsResponse> incremental_alter_configs(
    Context context, IncrementalAlterConfigsRequest request);
Task<DescribeProducersResponse> describe_producers(Context context,
                                                   DescribeProducersRequest request);
Task<ListConfigResourcesResponse> list_config_resources(Context context,
                                                        ListConfigResourcesRequest request);
Task<DescribeTopicPartitionsResponse> describe_topic_partitions(
    Context context, DescribeTopicPartitionsRequest request);

}  // namespace millrace::kafka
