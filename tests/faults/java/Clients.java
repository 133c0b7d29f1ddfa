package faults;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An idempotent producer and the members of a consumer group, in one process:
 *
 * <pre>BOOTSTRAP TOPIC PARTITIONS NAME LOG GROUP MEMBERS GROUP_LOG</pre>
 *
 * <p>A line on standard input ends the producer, the end of it the members. The lines of LOG are
 * those of support/load.py, of GROUP_LOG those of harness/member.py.
 */
public final class Clients {
  static volatile boolean producing = true;
  static volatile boolean consuming = true;

  private Clients() {}

  /** What producer and members share: a broker that comes back is found again at once. */
  static Map<String, Object> settings(String bootstrap) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("reconnect.backoff.ms", 10);
    settings.put("reconnect.backoff.max.ms", 100);
    settings.put("retry.backoff.ms", 10);
    settings.put("retry.backoff.max.ms", 100);
    return settings;
  }

  public static void main(String[] given) throws Exception {
    String bootstrap = given[0];
    String topic = given[1];
    Log answers = new Log(given[4]);
    Log progress = new Log(given[7]);
    Producing producer =
        new Producing(bootstrap, topic, Integer.parseInt(given[2]), given[3], answers);
    Thread producerThread = start("producer", producer::run);
    List<Thread> members = new ArrayList<>();
    for (int index = 1; index <= Integer.parseInt(given[6]); index++) {
      Member member = new Member(bootstrap, topic, given[5], given[5] + "-" + index, progress);
      members.add(start("member", member::run));
    }
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
    orders.readLine();
    producing = false;
    producerThread.join();
    while (orders.readLine() != null) {}
    consuming = false;
    for (Thread member : members) {
      member.join();
    }
  }

  private interface Work {
    void run() throws Exception;
  }

  private static Thread start(String name, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Throwable failure) {
                failure.printStackTrace();
                Runtime.getRuntime().halt(1);
              }
            },
            name);
    thread.start();
    return thread;
  }
}
