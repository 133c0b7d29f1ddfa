package clientmatrix;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Delivery;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Messages that go to another queue when they are rejected or too old. */
final class DeadLetters {
  private DeadLetters() {}

  private static Channel open(Cell cell) throws Exception {
    Channel channel = cell.open();
    channel.exchangeDeclare(cell.name + "-dlx", "direct", true);
    channel.queueDeclare(cell.name + "-dead", true, false, false, null);
    channel.queueBind(cell.name + "-dead", cell.name + "-dlx", "dead");
    cell.declare(
        channel,
        Map.of(
            "x-dead-letter-exchange", cell.name + "-dlx", "x-dead-letter-routing-key", "dead"));
    return channel;
  }

  private static BasicProperties.Builder kept() {
    return Cell.PERSISTENT.builder().headers(Map.of("kept", "a header"));
  }

  private static Map<String, Object> death(Delivery message) {
    Map<String, Object> headers = message.getProperties().getHeaders();
    List<Object> first = new ArrayList<>();
    for (String what : List.of("reason", "queue", "exchange")) {
      first.add(Messages.plain(headers.get("x-first-death-" + what)));
    }
    @SuppressWarnings("unchecked")
    var deaths = (List<Map<String, Object>>) Messages.plain(headers.get("x-death"));
    long then = (Long) deaths.get(0).remove("time");
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("body", Cell.text(message));
    found.put("exchange", message.getEnvelope().getExchange());
    found.put("key", message.getEnvelope().getRoutingKey());
    found.put("kept", Messages.plain(headers.get("kept")));
    found.put("deaths", deaths);
    found.put("first", first);
    found.put("minutes", (System.currentTimeMillis() / 1000 - then) / 60);
    return found;
  }

  static Object rejected(Cell cell) throws Exception {
    Channel channel = open(cell);
    channel.basicPublish("", cell.name, kept().build(), Cell.bytes("spoiled"));
    Delivery message = Cell.next(Cell.consume(channel, cell.name, false));
    channel.basicReject(message.getEnvelope().getDeliveryTag(), false);
    return death(Cell.next(Cell.consume(channel, cell.name + "-dead", true)));
  }

  static Object expired(Cell cell) throws Exception {
    Channel channel = open(cell);
    channel.basicPublish("", cell.name, kept().expiration("50").build(), Cell.bytes("spoiled"));
    channel.basicPublish(
        "", cell.name, kept().expiration("600000").build(), Cell.bytes("lives"));
    Delivery message = Cell.next(Cell.consume(channel, cell.name + "-dead", true));
    Map<String, Object> found = death(message);
    found.put("expiration", message.getProperties().getExpiration());
    found.put("ready", cell.ready(channel));
    return found;
  }
}
