package clientmatrix;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Exchanges, bindings, queues of the server's naming, and refusals. */
final class Topology {
  private Topology() {}

  static Object topic(Cell cell) throws Exception {
    Channel channel = cell.open();
    String exchange = cell.name + "-topic";
    String behind = cell.name + "-behind";
    channel.exchangeDeclare(exchange, "topic");
    channel.exchangeDeclare(behind, "fanout");
    channel.exchangeBind(behind, exchange, "#");
    for (String queue : List.of("orange", "rabbits", "everything")) {
      channel.queueDeclare(cell.name + "-" + queue, false, false, false, null);
    }
    channel.queueBind(cell.name + "-orange", exchange, "*.orange.*");
    channel.queueBind(cell.name + "-rabbits", exchange, "#.rabbit");
    channel.queueBind(cell.name + "-rabbits", exchange, "lazy.#");
    channel.queueBind(cell.name + "-everything", behind, "");
    channel.confirmSelect();
    send(channel, exchange, "quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox");
    send(channel, exchange, "lazy", "lazy.pink.rabbit", "rabbit");
    Map<String, Object> found = new LinkedHashMap<>();
    for (String queue : List.of("orange", "rabbits", "everything")) {
      found.put(queue, Cell.takeAll(channel, cell.name + "-" + queue));
    }
    channel.queueUnbind(cell.name + "-rabbits", exchange, "lazy.#");
    send(channel, exchange, "lazy.fox", "tame.rabbit");
    found.put("unbound", Cell.takeAll(channel, cell.name + "-rabbits"));
    return found;
  }

  private static void send(Channel channel, String exchange, String... keys) throws Exception {
    for (String key : keys) {
      channel.basicPublish(exchange, key, Cell.PERSISTENT, Cell.bytes(key));
    }
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
  }

  static Object headers(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    String exchange = cell.name + "-headers";
    channel.exchangeDeclare(exchange, "headers");
    for (String match : List.of("all", "any")) {
      channel.queueDeclare(cell.name + "-" + match, false, false, false, null);
      Map<String, Object> wanted = Map.of("x-match", match, "format", "pdf", "pages", 3);
      channel.queueBind(cell.name + "-" + match, exchange, "", wanted);
    }
    sendMarked(channel, exchange, "both", Map.of("format", "pdf", "pages", 3));
    sendMarked(
        channel, exchange, "more", Map.of("format", "pdf", "pages", 3, "colour", "red"));
    sendMarked(channel, exchange, "pdf", Map.of("format", "pdf"));
    sendMarked(channel, exchange, "pages", Map.of("format", "zip", "pages", 3));
    sendMarked(channel, exchange, "none", Map.of("format", "zip", "pages", 4));
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    return Map.of(
        "all", Cell.takeAll(channel, cell.name + "-all"),
        "any", Cell.takeAll(channel, cell.name + "-any"));
  }

  private static void sendMarked(
      Channel channel, String exchange, String text, Map<String, Object> marks)
      throws IOException {
    channel.basicPublish(
        exchange, "", Cell.PERSISTENT.builder().headers(marks).build(), Cell.bytes(text));
  }

  static Object serverNamed(Cell cell) throws Exception {
    Channel channel = cell.open();
    String queue = channel.queueDeclare("", false, true, true, null).getQueue();
    Channel other = cell.open();
    List<Object> locked = Cell.refusal(() -> other.queueDeclarePassive(queue));
    java.util.concurrent.BlockingQueue<String> arrived =
        new java.util.concurrent.LinkedBlockingQueue<>();
    String tag =
        channel.basicConsume(
            queue, true, (consumer, message) -> arrived.add(Cell.text(message)), consumer -> {});
    channel.basicPublish("", queue, Cell.PERSISTENT, Cell.bytes("hello"));
    String body = Cell.next(arrived);
    channel.basicCancel(tag);
    List<Object> gone = Cell.refusal(() -> channel.queueDeclarePassive(queue));
    return Map.of("queue", queue, "other", locked.get(0), "body", body, "after", gone.get(0));
  }

  static Object channelError(Cell cell) throws Exception {
    Connection connection = cell.connect();
    Channel first = connection.createChannel();
    cell.declare(first);
    List<Object> missing =
        Cell.refusal(() -> first.queueDeclarePassive(cell.name + "-missing"));
    Channel second = connection.createChannel();
    List<Object> differs =
        Cell.refusal(() -> second.queueDeclare(cell.name, false, false, false, null));
    Channel third = connection.createChannel();
    third.confirmSelect();
    cell.send(third, "alive");
    third.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    String body = Cell.text(third.basicGet(cell.name, true).getBody());
    return Map.of("missing", missing, "differs", differs, "body", body);
  }
}
