package clientmatrix;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: words are counted, by a repartition topic, in a store and in a windowed store, each
 * with a changelog. The application is started a second time with nothing but its changelogs.
 */
final class Streams {
  private static final int PARTITIONS = 2;
  private static final int LINES = 60; // of each life of the application
  private static final Duration HOUR = Duration.ofHours(1);

  private Streams() {}

  /** --bootstrap HOST:PORT --name TOPIC_AND_GROUP: prints what it saw as JSON. */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> given = new TreeMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      given.put(arguments[i], arguments[i + 1]);
    }
    Cell cell = new Cell(given.get("--bootstrap"), given.get("--name"), "");
    System.out.println(Json.text(wordCount(cell)));
  }

  static Object wordCount(Cell cell) throws Exception {
    String words = cell.name() + "-words-repartition";
    try (Admin admin = cell.admin();
        KafkaConsumer<String, String> output =
            cell.consumer(Map.of("group.id", cell.name() + "-reader"))) {
      admin
          .createTopics(
              List.of(cell.topic(PARTITIONS), output(cell, "-out"), output(cell, "-hours")))
          .all().get();
      output.subscribe(List.of(cell.name() + "-out", cell.name() + "-hours"));
      Map<String, String> counts = new TreeMap<>();
      // One window for both lives, young enough to be kept in the windowed store's changelog.
      long now = System.currentTimeMillis();
      long time = now - now % HOUR.toMillis();
      for (int life = 0; life < 2; life++) {
        try (KafkaStreams application = new KafkaStreams(topology(cell), settings(cell))) {
          application.start();
          cell.send(Map.of(), lines(cell, time));
          // A word of each line is new, one is not; each is counted in both stores.
          for (ConsumerRecord<String, String> count : Cell.poll(output, 2 * 2 * LINES)) {
            String store = count.topic().substring(cell.name().length() + 1);
            counts.put(store + " " + count.key(), count.value());
          }
          int processed = 2 * LINES * (life + 1);
          Deadline.until(
              "what was processed to be deleted from the repartition topic",
              () -> deleted(admin, words) == processed,
              () -> {});
        }
      }
      return Map.of("counts", counts, "topics", internalTopics(admin, cell));
    }
  }

  private static NewTopic output(Cell cell, String suffix) {
    return new NewTopic(cell.name() + suffix, 1, (short) 1).configs(Map.of("retention.ms", "-1"));
  }

  private static List<ProducerRecord<String, String>> lines(Cell cell, long time) {
    List<ProducerRecord<String, String>> lines = new ArrayList<>();
    for (int i = 0; i < LINES; i++) {
      lines.add(
          new ProducerRecord<>(cell.name(), i % PARTITIONS, time + i, null, "every word-" + i % 7));
    }
    return lines;
  }

  private static Topology topology(Cell cell) {
    StreamsBuilder builder = new StreamsBuilder();
    KGroupedStream<String, String> words =
        builder.<String, String>stream(cell.name())
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("words"));
    words.count(Materialized.as(Stores.inMemoryKeyValueStore("counts")))
        .toStream()
        .mapValues(count -> count.toString())
        .to(cell.name() + "-out");
    words.windowedBy(TimeWindows.ofSizeWithNoGrace(HOUR))
        .count(
            Materialized.as(
                Stores.inMemoryWindowStore("hours", HOUR.multipliedBy(24), HOUR, false)))
        .toStream()
        .map((word, count) -> KeyValue.pair(word.key(), count.toString()))
        .to(cell.name() + "-hours");
    return builder.build();
  }

  private static Properties settings(Cell cell) {
    Properties settings = new Properties();
    settings.putAll(
        Map.of(
            "bootstrap.servers", cell.bootstrap(),
            "application.id", cell.name(),
            "default.key.serde", Serdes.String().getClass().getName(),
            "default.value.serde", Serdes.String().getClass().getName(),
            "state.dir", System.getProperty("java.io.tmpdir") + "/" + cell.name(),
            "statestore.cache.max.bytes", 0,
            "commit.interval.ms", 100,
            "repartition.purge.interval.ms", 100));
    if (System.getenv("MILLRACE_TEST_PEER") == null) { // a lone Kafka broker refuses it
      // As Kafka's documentation advises for production.
      settings.putAll(Map.of("replication.factor", 3, "topic.min.insync.replicas", "2"));
    }
    // The second life takes the place of the first one without waiting for its session to end.
    settings.put("group.instance.id", "the-instance");
    return settings;
  }

  private static long deleted(Admin admin, String topic) {
    try {
      long sum = 0;
      for (int i = 0; i < PARTITIONS; i++) {
        TopicPartition partition = new TopicPartition(topic, i);
        sum += admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get()
            .get(partition).offset();
      }
      return sum;
    } catch (Exception error) {
      throw new AssertionError(error);
    }
  }

  /** {topic without the application's name: [partitions, cleanup policy, replicas asked to be in sync]} */
  private static Object internalTopics(Admin admin, Cell cell) throws Exception {
    Map<String, Object> found = new TreeMap<>();
    for (String name : admin.listTopics().names().get()) {
      if (!name.startsWith(cell.name() + "-") || name.endsWith("-out") || name.endsWith("-hours")) {
        continue;
      }
      ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
      var configs = admin.describeConfigs(List.of(topic)).all().get().get(topic);
      int partitions = admin.describeTopics(List.of(name)).allTopicNames().get().get(name)
          .partitions().size();
      found.put(
          name.substring(cell.name().length() + 1),
          List.of(
              partitions,
              configs.get("cleanup.policy").value(),
              configs.get("min.insync.replicas").value()));
    }
    return found;
  }
}
