// One row per error: internal name, code in Kafka's protocol, reply code in AMQP 0-9-1, text for
// people. Included several times on purpose. MILLRACE_ERROR(name, kafka_code, amqp_code, text)

// Requests
MILLRACE_ERROR(invalid_request, 42, 502, "the request is malformed")
MILLRACE_ERROR(unsupported_version, 35, 541, "this version of the API is not supported")
MILLRACE_ERROR(unsupported_feature, 35, 540, "this is not supported yet")
MILLRACE_ERROR(not_authorized, 29, 403, "not authorized")
MILLRACE_ERROR(policy_violation, 44, 406, "refused by a policy of this broker")
MILLRACE_ERROR(invalid_config, 40, 406, "the configuration is invalid")
MILLRACE_ERROR(timed_out, 7, 541, "the request timed out")

// Topics and partitions
MILLRACE_ERROR(unknown_topic_or_partition, 3, 404,
               "this broker does not have this topic or partition")
MILLRACE_ERROR(unknown_topic_id, 100, 404, "this broker does not have a topic with this id")
MILLRACE_ERROR(topic_already_exists, 36, 406, "a topic with this name exists")
MILLRACE_ERROR(invalid_topic_name, 17, 406, "the topic name is invalid")
MILLRACE_ERROR(invalid_partitions, 37, 541, "the number of partitions is invalid")
MILLRACE_ERROR(invalid_replication_factor, 38, 541, "the replication factor is invalid")
MILLRACE_ERROR(invalid_replica_assignment, 39, 541, "the replica assignment is invalid")
MILLRACE_ERROR(election_not_needed, 84, 541, "the partition has its preferred leader already")
MILLRACE_ERROR(offset_out_of_range, 1, 541,
               "the offset is outside of the range kept by this broker")
MILLRACE_ERROR(fenced_leader_epoch, 74, 541,
               "the leader epoch of the request is older than the broker's")
MILLRACE_ERROR(unknown_leader_epoch, 75, 541,
               "the leader epoch of the request is newer than the broker's")

MILLRACE_ERROR(fetch_session_not_found, 70, 541, "this broker keeps no fetch session with this id")
MILLRACE_ERROR(invalid_fetch_session_epoch, 71, 541,
               "the epoch is not the one that comes next in this fetch session")
MILLRACE_ERROR(fetch_session_topic_id_error, 106, 541,
               "the fetch session names topics by name and the request by id, or the other way")

// Records
MILLRACE_ERROR(corrupt_message, 2, 541,
               "a record batch failed its checksum or has impossible lengths")
MILLRACE_ERROR(invalid_record, 87, 406, "a record batch breaks a rule of its format")
MILLRACE_ERROR(invalid_timestamp, 32, 541, "a record's timestamp is out of the accepted range")
MILLRACE_ERROR(message_too_large, 10, 406,
               "the record batch is larger than message.max.bytes allows")
MILLRACE_ERROR(unsupported_for_message_format, 43, 541,
               "only record batches of format v2 are accepted")
MILLRACE_ERROR(unsupported_compression_type, 76, 541, "the compression type is unknown")
MILLRACE_ERROR(invalid_required_acks, 21, 541, "acks must be -1, 0 or 1")

// Producers
MILLRACE_ERROR(out_of_order_sequence_number, 45, 541,
               "the batch's sequence does not follow the last one of its producer")
MILLRACE_ERROR(duplicate_sequence_number, 46, 541, "the batch was written before")
MILLRACE_ERROR(invalid_producer_epoch, 47, 541, "a newer incarnation of this producer has written")
MILLRACE_ERROR(unknown_producer_id, 59, 541, "nothing is known of this producer id")
MILLRACE_ERROR(transactions_unsupported, 53, 541,
               "transactions are not supported yet: leave transactional.id unset")

// Groups
MILLRACE_ERROR(coordinator_loading, 14, 541, "the group coordinator is still loading")
MILLRACE_ERROR(not_coordinator, 16, 541, "this broker does not coordinate this group")
MILLRACE_ERROR(illegal_generation, 22, 541, "the generation is not the group's current one")
MILLRACE_ERROR(inconsistent_group_protocol, 23, 541,
               "the member's protocols do not fit the group's")
MILLRACE_ERROR(invalid_group_id, 24, 541, "the group id is invalid")
MILLRACE_ERROR(unknown_member_id, 25, 541, "the group does not know this member")
MILLRACE_ERROR(invalid_session_timeout, 26, 541,
               "the session timeout is outside of the accepted range")
MILLRACE_ERROR(rebalance_in_progress, 27, 541, "the group is rebalancing, join again")
MILLRACE_ERROR(member_id_required, 79, 541, "join again with the member id of this answer")
MILLRACE_ERROR(group_max_size_reached, 81, 541, "the group has as many members as it may have")
MILLRACE_ERROR(fenced_instance_id, 82, 541, "another member has taken over this group instance id")
MILLRACE_ERROR(offset_metadata_too_large, 12, 541,
               "the metadata of the committed offset is too large")
MILLRACE_ERROR(group_id_not_found, 69, 541, "the group does not exist")
MILLRACE_ERROR(non_empty_group, 68, 541, "the group still has members")
MILLRACE_ERROR(group_subscribed_to_topic, 86, 541,
               "members of the group are subscribed to the topic")

// Storage
MILLRACE_ERROR(outcome_unknown, 56, 541,
               "a disk error left the outcome unknown: it may or may not have been written")
MILLRACE_ERROR(storage_failed, 56, 541, "the storage of this broker failed, see its log")
MILLRACE_ERROR(storage_full, 56, 506, "the disk is full")
MILLRACE_ERROR(too_many_open_files, 56, 506, "too many open files")
MILLRACE_ERROR(storage_corrupt, 56, 541, "stored data is corrupt")
MILLRACE_ERROR(io_error, 56, 541, "an input or output operation failed")
MILLRACE_ERROR(not_found, 3, 404, "there is no such thing")
MILLRACE_ERROR(would_block, 7, 541, "the operation would have to wait")

// Queues, exchanges and bindings
MILLRACE_ERROR(access_refused, 29, 403, "this may not be changed or used by a client")
MILLRACE_ERROR(resource_locked, 29, 405, "it belongs to another connection alone")
MILLRACE_ERROR(precondition_failed, 42, 406, "it is not as the request wants it")
MILLRACE_ERROR(command_invalid, 42, 503, "there is no such kind of thing")
MILLRACE_ERROR(not_allowed, 29, 530, "this is not allowed here")

// Connections
MILLRACE_ERROR(end_of_stream, 13, 320, "the peer closed the connection")
MILLRACE_ERROR(connection_broken, 13, 541, "the connection broke")
MILLRACE_ERROR(stopping, 15, 320, "the broker is stopping")
