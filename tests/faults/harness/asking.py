"""What a broker in trouble still does: what it says to a producer, and whether it can be read."""

from confluent_kafka import KafkaError
from support.clients import consumer, poll_count, producer, read_all, values_of
from support.waiting import wait_until


class Trying:
    """A producer without patience: what the broker says to one record."""

    def __init__(self, address, topic):
        self.topic, self.said = topic, []
        # What was on its way when the disk became full waits so long for its answer.
        self.client = producer(address, retries=0, acks="all", request_timeout_ms=3000)

    def answer(self):
        """None when it was taken, else the error."""
        self.client.produce(
            self.topic, b"a try", on_delivery=lambda error, _: self.said.append(error)
        )
        assert self.client.flush(40) == 0
        return self.said[-1]

    def await_refused(self):
        def refused():
            error = self.answer()
            return error is not None and error.code() == KafkaError.KAFKA_STORAGE_ERROR

        wait_until(refused, "producing to be refused with KAFKA_STORAGE_ERROR", 60)

    def await_taken(self):
        wait_until(lambda: self.answer() is None, "producing to go on", 60)


def assert_readable(broker, topic, wanted):
    """By who knows where to read, and by a new group, which commits."""
    assert values_of(read_all(broker.address, topic)[0]) == wanted
    reader = consumer(broker.address, f"readers-of-{topic}")
    reader.subscribe([topic])
    try:
        assert values_of(poll_count(reader, len(wanted))) == wanted
    finally:
        reader.close()
