package clientmatrix;

import java.util.HashMap;
import java.util.Map;

/** --bootstrap HOST:PORT --name TOPIC_AND_GROUP --scenario NAME: prints what it saw as JSON. */
public final class Main {
  interface Scenario {
    Object run(Cell cell) throws Exception;
  }

  // By the part of the name before the colon; what follows it is the variant.
  private static final Map<String, Scenario> SCENARIOS = new HashMap<>();

  static {
    SCENARIOS.put("codec", Records::codec);
    SCENARIOS.put("idempotent", Records::idempotent);
    SCENARIOS.put("group", Groups::share);
    SCENARIOS.put("resume", Groups::resume);
    SCENARIOS.put("seek-offset", Offsets::seekOffset);
    SCENARIOS.put("seek-time", Offsets::seekTime);
    SCENARIOS.put("list-offsets", Offsets::list);
    SCENARIOS.put("admin-topics", Administration::topics);
    SCENARIOS.put("admin-cluster", Administration::cluster);
    SCENARIOS.put("admin-groups", Administration::groups);
    SCENARIOS.put("admin-list-groups", Administration::listGroups);
    SCENARIOS.put("admin-configs", TopicChanges::configs);
    SCENARIOS.put("admin-partitions", TopicChanges::partitions);
    SCENARIOS.put("admin-delete-records", TopicChanges::deleteRecords);
    SCENARIOS.put("admin-delete-topic", TopicChanges::deleteTopic);
  }

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      given.put(arguments[i], arguments[i + 1]);
    }
    String[] scenario = given.get("--scenario").split(":", 2);
    Cell cell =
        new Cell(
            given.get("--bootstrap"), given.get("--name"), scenario.length > 1 ? scenario[1] : "");
    System.out.println(Json.text(SCENARIOS.get(scenario[0]).run(cell)));
  }
}
