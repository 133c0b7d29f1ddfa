package clientmatrix;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;

/** Finding a place in a partition, by offset and by time. */
final class Offsets {
  private static final int COUNT = 50;

  private Offsets() {}

  static Object seekOffset(Cell cell) throws Exception {
    cell.createTopic(1);
    cell.fill(Map.of(), COUNT);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      TopicPartition where = cell.partition(0);
      consumer.assign(List.of(where));
      List<Object> found = new ArrayList<>();
      for (long offset : new long[] {42, 7}) {
        consumer.seek(where, offset);
        ConsumerRecord<String, String> first = Cell.poll(consumer, 1).get(0);
        found.add(List.of(first.offset(), first.value()));
      }
      return Map.of("found", found);
    }
  }

  static Object seekTime(Cell cell) throws Exception {
    cell.createTopic(1);
    cell.fill(Map.of(), COUNT);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      TopicPartition where = cell.partition(0);
      consumer.assign(List.of(where));
      List<Object> offsets = new ArrayList<>();
      for (long after : new long[] {30_000, 30_001, -1, 1_000_000_000}) {
        OffsetAndTimestamp answer =
            consumer.offsetsForTimes(Map.of(where, Cell.FIRST_TIME + after)).get(where);
        offsets.add(answer == null ? null : answer.offset());
      }
      consumer.seek(where, (Long) offsets.get(0));
      Map<String, Object> result = new HashMap<>();
      result.put("offsets", offsets);
      result.put("first", Cell.poll(consumer, 1).get(0).value());
      return result;
    }
  }

  static Object list(Cell cell) throws Exception {
    cell.createTopic(2);
    cell.fill(Map.of(), COUNT);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      List<TopicPartition> both = List.of(cell.partition(0), cell.partition(1));
      Map<TopicPartition, Long> earliest = consumer.beginningOffsets(both);
      Map<TopicPartition, Long> latest = consumer.endOffsets(both);
      return Map.of(
          "earliest", both.stream().map(earliest::get).toList(),
          "latest", both.stream().map(latest::get).toList());
    }
  }
}
