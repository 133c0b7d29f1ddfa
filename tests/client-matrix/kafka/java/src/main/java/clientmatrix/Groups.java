package clientmatrix;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Members that share the work, and going on where the group had been. */
final class Groups {
  private static final int PARTITIONS = 6;
  private static final int PER_PARTITION = 10;
  private static final Map<String, Class<?>> ASSIGNORS =
      Map.of(
          "range", RangeAssignor.class,
          "roundrobin", RoundRobinAssignor.class,
          "sticky", StickyAssignor.class,
          "cooperative-sticky", CooperativeStickyAssignor.class);

  private Groups() {}

  /** A member with what it was given and what it read; commits by itself, as by default. */
  private static final class Member implements ConsumerRebalanceListener {
    final KafkaConsumer<String, String> consumer;
    final List<String> read;
    int revoked = 0;

    Member(Cell cell, List<String> read) {
      this.read = read;
      consumer =
          cell.consumer(
              Map.of(
                  "enable.auto.commit", true,
                  "partition.assignment.strategy", ASSIGNORS.get(cell.variant()).getName()));
      consumer.subscribe(List.of(cell.name()), this);
    }

    int share() {
      return consumer.assignment().size();
    }

    void poll() {
      consumer.poll(Duration.ofMillis(20)).forEach(record -> read.add(record.value()));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      revoked += partitions.size();
    }
  }

  static Object share(Cell cell) throws Exception {
    cell.createTopic(PARTITIONS);
    List<Object> shares = new ArrayList<>();
    List<String> read = new ArrayList<>();
    List<Member> members = new ArrayList<>();

    Member first = new Member(cell, read);
    members.add(first);
    await(members, "everything with one", () -> first.share() == PARTITIONS);
    workOn(cell, "alone", members, shares);

    int before = first.revoked;
    Member second = new Member(cell, read);
    members.add(second);
    await(members, "an even split", () -> first.share() == 3 && second.share() == 3);
    int revoked = first.revoked - before;
    workOn(cell, "two", members, shares);

    members.remove(second);
    second.consumer.close();
    await(members, "what the other had", () -> first.share() == PARTITIONS);
    workOn(cell, "again", members, shares);
    first.consumer.close();

    return Map.of(
        "shares", shares, "revoked", revoked, "values", List.copyOf(new TreeSet<>(read)),
        "duplicates", read.size() - new TreeSet<>(read).size(), "committed", committed(cell));
  }

  private static void await(
      List<Member> members, String what, java.util.function.BooleanSupplier condition) {
    Deadline.until(what, condition, () -> members.forEach(Member::poll));
  }

  /** Sends records to every partition; the members read until they have them. */
  private static void workOn(Cell cell, String label, List<Member> members, List<Object> shares)
      throws Exception {
    shares.add(members.stream().map(Member::share).sorted(Comparator.reverseOrder()).toList());
    List<ProducerRecord<String, String>> records = new ArrayList<>();
    TreeSet<String> expected = new TreeSet<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      for (int i = 0; i < PER_PARTITION; i++) {
        String value = label + "-" + partition + "-" + i;
        records.add(new ProducerRecord<>(cell.name(), partition, null, value));
        expected.add(value);
      }
    }
    cell.send(Map.of(), records);
    List<String> read = members.get(0).read;
    await(members, "the records of " + label, () -> read.containsAll(expected));
  }

  private static List<Object> committed(Cell cell) {
    try (KafkaConsumer<String, String> asker = cell.consumer(Map.of())) {
      List<TopicPartition> all =
          IntStream.range(0, PARTITIONS).mapToObj(cell::partition).toList();
      Map<TopicPartition, OffsetAndMetadata> answer = asker.committed(new java.util.HashSet<>(all));
      List<Object> offsets = new ArrayList<>();
      for (TopicPartition where : all) {
        offsets.add(answer.get(where) == null ? null : answer.get(where).offset());
      }
      return offsets;
    }
  }

  static Object resume(Cell cell) throws Exception {
    cell.createTopic(1);
    cell.fill(Map.of(), 20);
    TopicPartition where = cell.partition(0);
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      consumer.subscribe(List.of(cell.name()));
      Cell.poll(consumer, 8);
      consumer.commitSync(Map.of(where, new OffsetAndMetadata(8, "a note")));
    }
    try (KafkaConsumer<String, String> consumer = cell.consumer(Map.of())) {
      consumer.subscribe(List.of(cell.name()));
      List<Object> offsets = new ArrayList<>();
      for (ConsumerRecord<String, String> record : Cell.poll(consumer, 12)) {
        offsets.add(record.offset());
      }
      OffsetAndMetadata committed = consumer.committed(java.util.Set.of(where)).get(where);
      return Map.of(
          "offsets", offsets, "committed", committed.offset(), "note", committed.metadata());
    }
  }
}
