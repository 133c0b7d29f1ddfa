package clientmatrix;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What a scenario gets: a name of its own, connections, and a queue of that name. */
final class Cell implements AutoCloseable {
  static final long PATIENCE_SECONDS = 40;
  static final BasicProperties PERSISTENT = MessageProperties.MINIMAL_PERSISTENT_BASIC;

  final String name;
  private final ConnectionFactory factory = new ConnectionFactory();
  private final List<Connection> connections = new ArrayList<>();

  Cell(String address, String name) {
    this.name = name;
    String[] parts = address.split(":");
    factory.setHost(parts[0]);
    factory.setPort(Integer.parseInt(parts[1]));
    factory.setAutomaticRecoveryEnabled(false);
  }

  interface Settings {
    void change(ConnectionFactory factory);
  }

  Connection connect(Settings settings) throws Exception {
    settings.change(factory);
    connections.add(factory.newConnection());
    return connections.get(connections.size() - 1);
  }

  Connection connect() throws Exception {
    return connect(given -> {});
  }

  /** A channel of a connection of its own. */
  Channel open() throws Exception {
    return connect().createChannel();
  }

  /** The same, where publishes are confirmed. */
  Channel openConfirming() throws Exception {
    Channel channel = open();
    channel.confirmSelect();
    return channel;
  }

  void declare(Channel channel, Map<String, Object> arguments) throws IOException {
    channel.queueDeclare(name, true, false, false, arguments);
  }

  void declare(Channel channel) throws IOException {
    declare(channel, null);
  }

  int ready(Channel channel) throws IOException {
    return channel.queueDeclarePassive(name).getMessageCount();
  }

  /** Messages in the queue, once this channel holds none any more. */
  int left(Channel channel) throws Exception {
    channel.close();
    return ready(channel.getConnection().createChannel());
  }

  void send(Channel channel, String... texts) throws IOException {
    for (String text : texts) {
      channel.basicPublish("", name, PERSISTENT, bytes(text));
    }
  }

  void fill(Channel channel, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      send(channel, "m-" + i);
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] body) {
    return new String(body, StandardCharsets.UTF_8);
  }

  static String text(Delivery delivery) {
    return text(delivery.getBody());
  }

  static List<String> texts(List<Delivery> deliveries) {
    return deliveries.stream().map(Cell::text).toList();
  }

  /** The bodies of all messages that are ready. */
  static List<String> takeAll(Channel channel, String queue) throws IOException {
    List<String> found = new ArrayList<>();
    GetResponse message;
    while ((message = channel.basicGet(queue, true)) != null) {
      found.add(text(message.getBody()));
    }
    return found;
  }

  /** A consumer and what it gets. */
  static BlockingQueue<Delivery> consume(Channel channel, String queue, boolean noAck)
      throws IOException {
    BlockingQueue<Delivery> arrived = new LinkedBlockingQueue<>();
    channel.basicConsume(queue, noAck, (tag, delivery) -> arrived.add(delivery), tag -> {});
    return arrived;
  }

  static <T> T next(BlockingQueue<T> arrived) throws InterruptedException {
    T found = arrived.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (found == null) {
      throw new AssertionError("waited " + PATIENCE_SECONDS + " s in vain");
    }
    return found;
  }

  static List<Delivery> next(BlockingQueue<Delivery> arrived, int count)
      throws InterruptedException {
    List<Delivery> found = new ArrayList<>();
    while (found.size() < count) {
      found.add(next(arrived));
    }
    return found;
  }

  interface Call {
    void run() throws Exception;
  }

  /** Code and text that the channel is closed with. */
  static List<Object> refusal(Call call) throws Exception {
    try {
      call.run();
    } catch (IOException error) {
      return told((ShutdownSignalException) error.getCause());
    } catch (AlreadyClosedException error) {
      return told(error);
    }
    return null;
  }

  private static List<Object> told(ShutdownSignalException signal) {
    Method reason = signal.getReason();
    com.rabbitmq.client.AMQP.Channel.Close close = (com.rabbitmq.client.AMQP.Channel.Close) reason;
    return List.of(close.getReplyCode(), close.getReplyText());
  }

  @Override
  public void close() throws IOException {
    for (Connection connection : connections) {
      if (connection.isOpen()) {
        connection.close();
      }
    }
  }
}
