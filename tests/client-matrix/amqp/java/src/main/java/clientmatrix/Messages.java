package clientmatrix;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.Return;
import java.math.BigDecimal;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Publishing, and messages that come back as they went. */
final class Messages {
  private static final Date MOMENT = new Date(1_700_000_000_000L);

  private Messages() {}

  private static Map<String, Object> headers() {
    Map<String, Object> headers = new LinkedHashMap<>();
    headers.put("t", true);
    headers.put("b", (byte) -5);
    headers.put("s", (short) -300);
    headers.put("I", -70_000);
    headers.put("l", 1L << 40);
    headers.put("f", 1.5f);
    headers.put("d", 0.1);
    headers.put("D", new BigDecimal("123.45"));
    headers.put("S", "grün");
    headers.put("A", Arrays.asList("a", 7, true));
    headers.put("T", MOMENT);
    headers.put("F", Map.of("deep", Map.of("x", "y")));
    headers.put("V", null);
    headers.put("x", new byte[] {0, (byte) 0xff, 0x10});
    return headers;
  }

  /** As JSON can say it. */
  static Object plain(Object value) {
    if (value instanceof LongString || value instanceof BigDecimal) {
      return value.toString();
    }
    if (value instanceof Date date) {
      return date.getTime() / 1000;
    }
    if (value instanceof byte[] bytes) {
      return HexFormat.of().formatHex(bytes);
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Messages::plain).toList();
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> found = new LinkedHashMap<>();
      map.forEach((key, inner) -> found.put(key, plain(inner)));
      return found;
    }
    return value;
  }

  private static String type(Object value) {
    if (value == null) {
      return "null";
    }
    for (Class<?> general : List.of(LongString.class, List.class, Map.class)) {
      if (general.isInstance(value)) {
        return general.getSimpleName();
      }
    }
    return value.getClass().getSimpleName();
  }

  static Object properties(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    cell.declare(channel);
    BasicProperties sent =
        new BasicProperties.Builder()
            .contentType("text/plain")
            .contentEncoding("utf-8")
            .headers(headers())
            .deliveryMode(2)
            .priority(5)
            .correlationId("the correlation")
            .replyTo("the reply queue")
            .expiration("600000")
            .messageId("the message")
            .timestamp(MOMENT)
            .type("the type")
            .userId("guest")
            .appId("the application")
            .build();
    channel.basicPublish("", cell.name, sent, Cell.bytes("the body"));
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    GetResponse found = channel.basicGet(cell.name, true);
    BasicProperties came = found.getProps();
    Map<String, Object> properties = new LinkedHashMap<>();
    properties.put("content_type", came.getContentType());
    properties.put("content_encoding", came.getContentEncoding());
    properties.put("delivery_mode", came.getDeliveryMode());
    properties.put("priority", came.getPriority());
    properties.put("correlation_id", came.getCorrelationId());
    properties.put("reply_to", came.getReplyTo());
    properties.put("expiration", came.getExpiration());
    properties.put("message_id", came.getMessageId());
    properties.put("timestamp", plain(came.getTimestamp()));
    properties.put("type", came.getType());
    properties.put("user_id", came.getUserId());
    properties.put("app_id", came.getAppId());
    Map<String, Object> headers = new LinkedHashMap<>();
    came.getHeaders()
        .forEach((key, value) -> headers.put(key, Arrays.asList(type(value), plain(value))));
    return Map.of(
        "body", Cell.text(found.getBody()),
        "exchange", found.getEnvelope().getExchange(),
        "key", found.getEnvelope().getRoutingKey(),
        "properties", properties,
        "headers", headers);
  }

  static Object publish(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    cell.declare(channel);
    // Confirms may stand for several messages at once: each number is counted once.
    BlockingQueue<Long> confirmed = new LinkedBlockingQueue<>();
    long[] last = {0};
    channel.addConfirmListener(
        (tag, multiple) -> {
          for (long each = multiple ? last[0] + 1 : tag; each <= tag; each++) {
            confirmed.add(each);
          }
          last[0] = Math.max(last[0], tag);
        },
        (tag, multiple) -> {});
    cell.fill(channel, 200);
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    int ready = cell.ready(channel);
    List<String> bodies = Cell.texts(Cell.next(Cell.consume(channel, cell.name, true), 200));
    long distinct = confirmed.stream().distinct().count();
    return Map.of("confirmed", distinct, "ready", ready, "bodies", bodies);
  }

  static Object mandatory(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    List<String> order = new ArrayList<>();
    BlockingQueue<Return> returned = new LinkedBlockingQueue<>();
    BlockingQueue<Boolean> confirmed = new LinkedBlockingQueue<>();
    channel.addReturnListener(
        message -> {
          order.add("return");
          returned.add(message);
        });
    channel.addConfirmListener(
        (tag, multiple) -> {
          order.add("confirm");
          confirmed.add(true);
        },
        (tag, multiple) -> {});
    channel.basicPublish(
        "amq.direct", cell.name, true, Cell.PERSISTENT, Cell.bytes("unroutable"));
    Return message = Cell.next(returned);
    Cell.next(confirmed);
    List<Object> told =
        List.of(
            message.getReplyCode(),
            message.getReplyText(),
            message.getExchange(),
            message.getRoutingKey(),
            Cell.text(message.getBody()));
    return Map.of("returned", told, "order", order);
  }

  static Object big(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    cell.declare(channel);
    byte[] body = new byte[5 * 1024 * 1024];
    for (int i = 0; i < body.length; i++) {
      body[i] = (byte) i;
    }
    channel.basicPublish("", cell.name, Cell.PERSISTENT, body);
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    byte[] found = channel.basicGet(cell.name, true).getBody();
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(found);
    return Map.of("bytes", found.length, "sha256", HexFormat.of().formatHex(digest));
  }
}
