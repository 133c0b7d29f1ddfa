package faults;

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A member of a group that says what it was given, read and committed: see harness/member.py. */
final class Member implements ConsumerRebalanceListener {
  private static final Duration POLL = Duration.ofMillis(50);
  private static final int RECORDS_PER_COMMIT = 500;

  private final String bootstrap;
  private final String topic;
  private final String group;
  private final String name;
  private final Log log;
  private final Map<TopicPartition, Long> given = new HashMap<>(); // when; nothing was read of it yet
  private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();
  private int records = 0;

  Member(String bootstrap, String topic, String group, String name, Log log) {
    this.bootstrap = bootstrap;
    this.topic = topic;
    this.group = group;
    this.name = name;
    this.log = log;
  }

  void run() throws IOException {
    Map<String, Object> settings = Clients.settings(bootstrap);
    settings.put("group.id", group);
    settings.put("group.protocol", "classic");
    settings.put("client.id", name);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.put("session.timeout.ms", 6_000);
    settings.put("heartbeat.interval.ms", 200);
    settings.put("fetch.max.wait.ms", 100);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(topic), this);
      while (Clients.consuming) {
        ConsumerRecords<byte[], byte[]> found = consumer.poll(POLL);
        for (TopicPartition where : found.partitions()) {
          read(where, found.records(where));
        }
        if (records >= RECORDS_PER_COMMIT || (found.isEmpty() && !uncommitted.isEmpty())) {
          commit(consumer);
        }
        log.flush();
      }
      commit(consumer);
      log.flush();
    }
  }

  private void read(TopicPartition where, List<ConsumerRecord<byte[], byte[]>> found) {
    long first = found.get(0).offset();
    Long when = given.remove(where);
    if (when != null) {
      say("g", when, where, String.valueOf(first));
    }
    CRC32 values = new CRC32();
    long next = first;
    for (ConsumerRecord<byte[], byte[]> record : found) {
      if (record.offset() != next++) {
        throw new IllegalStateException(where + ": " + record.offset() + " instead of " + (next - 1));
      }
      values.update(record.value());
    }
    records += found.size();
    uncommitted.put(where, new OffsetAndMetadata(next));
    say("r", System.nanoTime(), where, first + " " + found.size() + " " + values.getValue());
  }

  private void commit(KafkaConsumer<byte[], byte[]> consumer) throws IOException {
    Map<TopicPartition, OffsetAndMetadata> offsets = Map.copyOf(uncommitted);
    if (offsets.isEmpty()) {
      return;
    }
    records = 0;
    long asked = System.nanoTime();
    offsets.forEach((where, offset) -> say("t", asked, where, String.valueOf(offset.offset())));
    log.flush(); // before the broker can have it
    try {
      consumer.commitSync(offsets);
    } catch (KafkaException unknown) {
      return; // it may have been done; what comes later is committed later
    }
    long answered = System.nanoTime();
    offsets.forEach((where, offset) -> say("c", answered, where, String.valueOf(offset.offset())));
    offsets.forEach(uncommitted::remove);
  }

  private void say(String what, long when, TopicPartition where, String rest) {
    log.line(what + " " + name + " " + when + " " + where.partition() + " " + rest);
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    long now = System.nanoTime();
    partitions.forEach(where -> given.put(where, now));
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
    long now = System.nanoTime();
    for (TopicPartition where : partitions) {
      given.remove(where);
      uncommitted.remove(where);
      say("l", now, where, "");
    }
  }
}
