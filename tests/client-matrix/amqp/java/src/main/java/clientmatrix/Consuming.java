package clientmatrix;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Taking messages, and what becomes of them. */
final class Consuming {
  private Consuming() {}

  static Object prefetch(Cell cell) throws Exception {
    Channel channel = cell.open();
    cell.declare(channel);
    cell.fill(channel, 20);
    channel.basicQos(5);
    BlockingQueue<Delivery> arrived = Cell.consume(channel, cell.name, false);
    List<Delivery> group = Cell.next(arrived, 5);
    List<Delivery> all = new ArrayList<>(group);
    int ready = cell.ready(channel);
    while (true) {
      channel.basicAck(group.get(4).getEnvelope().getDeliveryTag(), true);
      if (all.size() == 20) {
        break;
      }
      group = Cell.next(arrived, 5);
      all.addAll(group);
    }
    int left = cell.left(channel);
    List<String> texts = Cell.texts(all);
    return Map.of("first", texts.subList(0, 5), "ready", ready, "all", texts, "left", left);
  }

  static Object requeue(Cell cell) throws Exception {
    Channel channel = cell.open();
    cell.declare(channel);
    cell.send(channel, "a", "b");
    channel.basicQos(1);
    BlockingQueue<Delivery> arrived = Cell.consume(channel, cell.name, false);
    List<Object> seen = new ArrayList<>();
    for (String settle : List.of("nack", "ack", "reject", "ack")) {
      Delivery message = Cell.next(arrived);
      seen.add(List.of(Cell.text(message), message.getEnvelope().isRedeliver()));
      long tag = message.getEnvelope().getDeliveryTag();
      switch (settle) {
        case "nack" -> channel.basicNack(tag, false, true);
        case "reject" -> channel.basicReject(tag, true);
        default -> channel.basicAck(tag, false);
      }
    }
    return Map.of("seen", seen, "left", cell.left(channel));
  }

  static Object get(Cell cell) throws Exception {
    Channel channel = cell.openConfirming();
    cell.declare(channel);
    cell.fill(channel, 3);
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    Object[] got = new Object[4];
    for (int i = 0; i < got.length; i++) {
      GetResponse message = channel.basicGet(cell.name, false);
      if (message != null) {
        channel.basicAck(message.getEnvelope().getDeliveryTag(), false);
        boolean again = message.getEnvelope().isRedeliver();
        got[i] = List.of(Cell.text(message.getBody()), message.getMessageCount(), again);
      }
    }
    return Map.of("got", Arrays.asList(got));
  }

  static Object cancelNotify(Cell cell) throws Exception {
    Channel channel = cell.open();
    cell.declare(channel);
    BlockingQueue<String> cancelled = new LinkedBlockingQueue<>();
    channel.basicConsume(cell.name, true, "the-consumer", (tag, message) -> {}, cancelled::add);
    channel.getConnection().createChannel().queueDelete(cell.name);
    return Map.of("cancelled", List.of(Cell.next(cancelled)));
  }

  static Object transaction(Cell cell) throws Exception {
    Channel watching = cell.open();
    cell.declare(watching);
    Channel channel = cell.open();
    channel.txSelect();
    List<Object> ready = new ArrayList<>();
    cell.fill(channel, 2);
    ready.add(cell.ready(watching));
    channel.txCommit();
    ready.add(cell.ready(watching));
    cell.fill(channel, 1);
    channel.txRollback();
    ready.add(cell.ready(watching));
    channel.basicAck(channel.basicGet(cell.name, false).getEnvelope().getDeliveryTag(), false);
    channel.txRollback();
    channel.basicRecover(true);
    ready.add(cell.ready(watching));
    GetResponse again = channel.basicGet(cell.name, false);
    channel.basicAck(again.getEnvelope().getDeliveryTag(), false);
    channel.txCommit();
    channel.close();
    ready.add(cell.ready(watching));
    return Map.of("ready", ready, "redelivered", again.getEnvelope().isRedeliver());
  }
}
