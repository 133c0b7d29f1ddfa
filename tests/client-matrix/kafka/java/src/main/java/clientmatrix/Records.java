package clientmatrix;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/** Records there and back. */
final class Records {
  private static final int CODEC_COUNT = 100;
  private static final int IDEMPOTENT_COUNT = 500;

  private Records() {}

  static Object codec(Cell cell) throws Exception {
    cell.createTopic(2);
    List<ProducerRecord<String, String>> records = new ArrayList<>();
    for (int i = 0; i < CODEC_COUNT; i++) {
      String key = i % 10 == 3 ? null : "key-" + i;
      String value = i % 10 == 7 ? null : "value-" + i + "-" + "abcdefgh".repeat(20);
      ProducerRecord<String, String> record =
          new ProducerRecord<>(cell.name(), i % 2, Cell.FIRST_TIME + 1000L * i, key, value);
      record.headers().add("n", String.valueOf(i).getBytes(UTF_8));
      record.headers().add("n", "again".getBytes(UTF_8));
      record.headers().add("empty", new byte[0]);
      records.add(record);
    }
    cell.send(Map.of("compression.type", cell.variant(), "linger.ms", 50), records);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      consumer.assign(List.of(cell.partition(0), cell.partition(1)));
      List<Object> found = new ArrayList<>();
      Cell.poll(consumer, CODEC_COUNT).forEach(record -> found.add(described(record)));
      return Map.of("records", found);
    }
  }

  private static Map<String, Object> described(ConsumerRecord<String, String> record) {
    List<Object> headers = new ArrayList<>();
    for (Header header : record.headers()) {
      headers.add(List.of(header.key(), new String(header.value(), UTF_8)));
    }
    Map<String, Object> found = new HashMap<>(); // which, unlike Map.of, holds null
    found.put("partition", record.partition());
    found.put("offset", record.offset());
    found.put("timestamp", record.timestamp());
    found.put("key", record.key());
    found.put("value", record.value());
    found.put("headers", headers);
    return found;
  }

  static Object idempotent(Cell cell) throws Exception {
    cell.createTopic(1);
    Map<String, Object> settings =
        Map.of("enable.idempotence", true, "acks", "all", "batch.size", 512);
    List<Long> offsets = cell.fill(settings, IDEMPOTENT_COUNT);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      consumer.assign(List.of(cell.partition(0)));
      List<Object> values = new ArrayList<>();
      Cell.poll(consumer, IDEMPOTENT_COUNT).forEach(record -> values.add(record.value()));
      return Map.of("offsets", offsets, "values", values);
    }
  }
}
