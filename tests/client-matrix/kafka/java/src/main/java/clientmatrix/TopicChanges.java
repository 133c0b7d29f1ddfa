package clientmatrix;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.config.ConfigResource;

/** What tools change about a topic that exists. */
final class TopicChanges {
  private TopicChanges() {}

  static Object configs(Cell cell) throws Exception {
    cell.createTopic(1);
    try (Admin admin = cell.admin()) {
      ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, cell.name());
      AlterConfigOp change =
          new AlterConfigOp(
              new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET);
      admin.incrementalAlterConfigs(Map.of(topic, List.of(change))).all().get();
      return Map.of(
          "value",
          admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms").value());
    }
  }

  static Object partitions(Cell cell) throws Exception {
    cell.createTopic(1);
    try (Admin admin = cell.admin()) {
      admin.createPartitions(Map.of(cell.name(), NewPartitions.increaseTo(3))).all().get();
      return Map.of(
          "partitions",
          admin.describeTopics(List.of(cell.name())).allTopicNames().get().get(cell.name())
              .partitions().size());
    }
  }

  static Object deleteRecords(Cell cell) throws Exception {
    cell.createTopic(1);
    cell.fill(Map.of(), 50);
    try (Admin admin = cell.admin()) {
      admin.deleteRecords(Map.of(cell.partition(0), RecordsToDelete.beforeOffset(20))).all().get();
      return Map.of(
          "earliest", offset(admin, cell, OffsetSpec.earliest()),
          "latest", offset(admin, cell, OffsetSpec.latest()));
    }
  }

  private static long offset(Admin admin, Cell cell, OffsetSpec which) throws Exception {
    return admin.listOffsets(Map.of(cell.partition(0), which)).all().get()
        .get(cell.partition(0)).offset();
  }

  static Object deleteTopic(Cell cell) throws Exception {
    cell.createTopic(1);
    try (Admin admin = cell.admin()) {
      boolean before = admin.listTopics().names().get().contains(cell.name());
      admin.deleteTopics(List.of(cell.name())).all().get();
      boolean after = admin.listTopics().names().get().contains(cell.name());
      return Map.of("before", before, "after", after);
    }
  }
}
