package clientmatrix;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;

/** Topics, the cluster and groups as tools see them. */
final class Administration {
  private Administration() {}

  static Object topics(Cell cell) throws Exception {
    try (Admin admin = cell.admin()) {
      List<NewTopic> wanted = List.of(cell.topic(3));
      admin.createTopics(wanted).all().get();
      int again = Cell.errorOf(() -> admin.createTopics(wanted).all().get());
      int unknown =
          Cell.errorOf(
              () -> admin.describeTopics(List.of(cell.name() + "-not")).allTopicNames().get());
      TopicDescription found =
          admin.describeTopics(List.of(cell.name())).allTopicNames().get().get(cell.name());
      List<Object> partitions = new ArrayList<>();
      found.partitions().forEach(
          part -> partitions.add(
              List.of(part.partition(), part.leader().id(),
                  part.replicas().stream().map(Node::id).toList())));
      return Map.of(
          "again", again, "unknown", unknown, "partitions", partitions,
          "listed", admin.listTopics().names().get().contains(cell.name()));
    }
  }

  static Object cluster(Cell cell) throws Exception {
    try (Admin admin = cell.admin()) {
      DescribeClusterResult found = admin.describeCluster();
      List<Object> nodes = new ArrayList<>();
      for (Node node : found.nodes().get()) {
        nodes.add(List.of(node.id(), node.host() + ":" + node.port()));
      }
      return Map.of(
          "nodes", nodes, "controller", found.controller().get().id(),
          "cluster", found.clusterId().get());
    }
  }

  static Object groups(Cell cell) throws Exception {
    cell.createTopic(2);
    cell.fill(Map.of(), 5);
    Map<String, Object> result = new HashMap<>();
    try (Admin admin = cell.admin()) {
      try (KafkaConsumer<String, String> member =
          cell.consumer(
              Map.of(
                  "client.id", "the-member",
                  "partition.assignment.strategy", RangeAssignor.class.getName()))) {
        member.subscribe(List.of(cell.name()));
        Cell.poll(member, 5);
        member.commitSync();
        result.put("live", described(admin, cell));
        result.put(
            "delete_live",
            Cell.errorOf(() -> admin.deleteConsumerGroups(List.of(cell.name())).all().get()));
      }
      result.put("empty", described(admin, cell));
      result.put("committed", committed(admin, cell));
      result.put(
          "delete_empty",
          Cell.errorOf(() -> admin.deleteConsumerGroups(List.of(cell.name())).all().get()));
      result.put("committed_after", committed(admin, cell));
    }
    return result;
  }

  private static Map<String, Object> described(Admin admin, Cell cell) throws Exception {
    ConsumerGroupDescription found =
        admin.describeConsumerGroups(List.of(cell.name())).all().get().get(cell.name());
    List<Object> members = new ArrayList<>();
    found.members().forEach(
        member -> members.add(
            List.of(member.clientId(),
                member.assignment().topicPartitions().stream()
                    .map(TopicPartition::partition).sorted().toList())));
    return Map.of(
        "state", found.groupState().toString(), "assignor", found.partitionAssignor(),
        "members", members);
  }

  private static Object committed(Admin admin, Cell cell) throws Exception {
    OffsetAndMetadata found =
        admin.listConsumerGroupOffsets(cell.name()).partitionsToOffsetAndMetadata().get()
            .get(cell.partition(0));
    return found == null ? null : found.offset();
  }

  static Object listGroups(Cell cell) throws Exception {
    cell.createTopic(1);
    cell.fill(Map.of(), 5);
    try (Admin admin = cell.admin();
        KafkaConsumer<String, String> member = cell.consumer(Map.of())) {
      member.subscribe(List.of(cell.name()));
      Cell.poll(member, 5);
      List<Object> found = new ArrayList<>();
      admin.listGroups().all().get().stream()
          .filter(group -> group.groupId().equals(cell.name()))
          .forEach(group -> found.add(List.of(group.groupId(), group.protocol())));
      return Map.of("found", found);
    }
  }
}
