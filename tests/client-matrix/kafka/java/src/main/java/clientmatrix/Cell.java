package clientmatrix;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What a scenario gets: the broker, a name that is its own (topic and group), and the clients. */
record Cell(String bootstrap, String name, String variant) {
  static final long FIRST_TIME = 1_700_000_000_000L;
  private static final Duration POLL = Duration.ofMillis(100);

  Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", bootstrap));
  }

  KafkaProducer<String, String> producer(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.put("bootstrap.servers", bootstrap);
    return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
  }

  KafkaConsumer<String, String> consumer(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("group.id", name);
    settings.put("group.protocol", "classic");
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.put("session.timeout.ms", 10_000);
    settings.put("heartbeat.interval.ms", 200);
    settings.putAll(more);
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  TopicPartition partition(int index) {
    return new TopicPartition(name, index);
  }

  /** A topic that keeps records however old their timestamps are. */
  NewTopic topic(int partitions) {
    return new NewTopic(name, partitions, (short) 1).configs(Map.of("retention.ms", "-1"));
  }

  void createTopic(int partitions) throws Exception {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(topic(partitions))).all().get();
    }
  }

  /** Sends all of them and waits for the answers; returns their offsets. */
  List<Long> send(Map<String, Object> settings, List<ProducerRecord<String, String>> records)
      throws Exception {
    try (KafkaProducer<String, String> producer = producer(settings)) {
      List<Future<RecordMetadata>> answers = new ArrayList<>();
      records.forEach(record -> answers.add(producer.send(record)));
      producer.flush();
      List<Long> offsets = new ArrayList<>();
      for (Future<RecordMetadata> answer : answers) {
        offsets.add(answer.get().offset());
      }
      return offsets;
    }
  }

  /** value-0, value-1, ... into partition 0, a second apart. */
  List<Long> fill(Map<String, Object> settings, int count) throws Exception {
    List<ProducerRecord<String, String>> records = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      records.add(new ProducerRecord<>(name, 0, FIRST_TIME + 1000L * i, null, "value-" + i));
    }
    return send(settings, records);
  }

  static List<ConsumerRecord<String, String>> poll(
      KafkaConsumer<String, String> consumer, int atLeast) {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    Deadline.until(
        atLeast + " records",
        () -> found.size() >= atLeast,
        () -> consumer.poll(POLL).forEach(found::add));
    return found;
  }

  interface Call {
    void run() throws Exception;
  }

  /** The code of the Kafka error that the call ends with, 0 for none. */
  static int errorOf(Call call) throws Exception {
    try {
      call.run();
      return 0;
    } catch (ExecutionException error) {
      return Errors.forException(error.getCause()).code();
    }
  }
}
