package clientmatrix;

import java.util.HashMap;
import java.util.Map;

/** --address HOST:PORT --name QUEUE --scenario NAME: prints what it saw as JSON. */
public final class Main {
  interface Scenario {
    Object run(Cell cell) throws Exception;
  }

  private static final Map<String, Scenario> SCENARIOS =
      Map.ofEntries(
          Map.entry("properties", Messages::properties),
          Map.entry("publish", Messages::publish),
          Map.entry("mandatory", Messages::mandatory),
          Map.entry("big", Messages::big),
          Map.entry("prefetch", Consuming::prefetch),
          Map.entry("requeue", Consuming::requeue),
          Map.entry("get", Consuming::get),
          Map.entry("cancel-notify", Consuming::cancelNotify),
          Map.entry("transaction", Consuming::transaction),
          Map.entry("dead-letter", DeadLetters::rejected),
          Map.entry("ttl", DeadLetters::expired),
          Map.entry("topic", Topology::topic),
          Map.entry("headers", Topology::headers),
          Map.entry("server-named", Topology::serverNamed),
          Map.entry("channel-error", Topology::channelError),
          Map.entry("heartbeat", Connections::heartbeat),
          Map.entry("recovery", Connections::recovery));

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      given.put(arguments[i], arguments[i + 1]);
    }
    try (Cell cell = new Cell(given.get("--address"), given.get("--name"))) {
      System.out.println(Json.text(SCENARIOS.get(given.get("--scenario")).run(cell)));
    }
  }
}
