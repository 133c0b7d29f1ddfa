package faults;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes down every answer it gets. The same as support/load.py with librdkafka. */
final class Producing {
  private static final int BURST = 7; // records per partition between two pauses
  private static final int PAUSE_MS = 20;
  private static final int UNANSWERED_MAX = 2000;

  private final String topic;
  private final int partitions;
  private final String name;
  private final Log log;
  private final KafkaProducer<byte[], byte[]> producer;
  private final AtomicInteger unanswered = new AtomicInteger();

  Producing(String bootstrap, String topic, int partitions, String name, Log log) {
    this.topic = topic;
    this.partitions = partitions;
    this.name = name;
    this.log = log;
    Map<String, Object> settings = Clients.settings(bootstrap);
    settings.put("enable.idempotence", true);
    settings.put("acks", "all");
    settings.put("linger.ms", 2);
    settings.put("batch.size", 8192);
    settings.put("delivery.timeout.ms", 120_000);
    // Less than a pause of the broker: what it was asked then is asked again.
    settings.put("request.timeout.ms", 2_000);
    producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** What record `number` says; support/load.py says the same. */
  private byte[] payload(int partition, int number) {
    String text = name + " " + partition + " " + number + " ";
    return (text + String.valueOf(number * 7919L).repeat(number % 40)).getBytes(ISO_8859_1);
  }

  void run() throws InterruptedException, IOException {
    int number = 0;
    while (Clients.producing) {
      if (unanswered.get() < UNANSWERED_MAX) {
        for (int end = number + BURST; number < end; number++) {
          for (int partition = 0; partition < partitions; partition++) {
            send(partition, number);
          }
        }
      }
      Thread.sleep(PAUSE_MS);
      log.flush();
    }
    producer.close(); // waits for every answer
    for (int partition = 0; partition < partitions; partition++) {
      log.line("s " + partition + " " + number);
    }
    log.flush();
    if (unanswered.get() != 0) {
      throw new IllegalStateException(unanswered.get() + " records without any answer");
    }
  }

  private void send(int partition, int number) {
    byte[] key = String.valueOf(number).getBytes(ISO_8859_1);
    unanswered.incrementAndGet();
    producer.send(
        new ProducerRecord<>(topic, partition, key, payload(partition, number)),
        (answer, failure) -> report(partition, number, answer, failure));
  }

  private void report(int partition, int number, RecordMetadata answer, Exception failure) {
    unanswered.decrementAndGet();
    if (failure == null) {
      log.line("a " + partition + " " + number + " " + answer.offset());
    } else {
      failure.printStackTrace();
      log.line("f " + partition + " " + number + " " + Errors.forException(failure).code());
    }
  }
}
