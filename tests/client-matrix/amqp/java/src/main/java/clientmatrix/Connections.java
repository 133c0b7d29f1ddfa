package clientmatrix;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoverableConnection;
import com.rabbitmq.client.RecoveryListener;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** What keeps a connection, and what brings it back. */
final class Connections {
  private Connections() {}

  static Object heartbeat(Cell cell) throws Exception {
    Connection connection = cell.connect(factory -> factory.setRequestedHeartbeat(1));
    int negotiated = connection.getHeartbeat();
    Thread.sleep(3500); // the silence is what is tested
    boolean alive = connection.isOpen();
    connection.createChannel().queueDeclare(cell.name, false, true, false, null);
    return Map.of("negotiated", negotiated, "alive", alive);
  }

  static Object recovery(Cell cell) throws Exception {
    Connection connection =
        cell.connect(
            factory -> {
              factory.setAutomaticRecoveryEnabled(true);
              factory.setNetworkRecoveryInterval(100);
            });
    Channel channel = connection.createChannel();
    channel.confirmSelect();
    cell.declare(channel);
    channel.queueDeclare(cell.name + "-kept", true, false, false, null);
    channel.exchangeDeclare(cell.name + "-topic", "topic");
    String own = channel.queueDeclare().getQueue(); // gets a new name when it is recovered
    channel.queueBind(own, cell.name + "-topic", "a.*");
    BlockingQueue<Delivery> arrived = Cell.consume(channel, cell.name, true);
    BlockingQueue<Delivery> routed = Cell.consume(channel, own, true);
    channel.basicPublish("", cell.name + "-kept", Cell.PERSISTENT, Cell.bytes("before"));
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    BlockingQueue<Boolean> back = new LinkedBlockingQueue<>();
    ((RecoverableConnection) connection)
        .addRecoveryListener(
            new RecoveryListener() {
              @Override
              public void handleRecovery(Recoverable recovered) {
                back.add(true);
              }

              @Override
              public void handleRecoveryStarted(Recoverable recoverable) {}
            });
    System.out.println("kill the broker"); // ../../drive.py does
    System.out.flush();
    Cell.next(back);
    cell.send(channel, "after");
    channel.basicPublish(cell.name + "-topic", "a.b", Cell.PERSISTENT, Cell.bytes("routed"));
    channel.waitForConfirmsOrDie(Cell.PATIENCE_SECONDS * 1000);
    return Map.of(
        "kept", Cell.text(channel.basicGet(cell.name + "-kept", true).getBody()),
        "consumed", Cell.text(Cell.next(arrived)),
        "routed", Cell.text(Cell.next(routed)));
  }
}
