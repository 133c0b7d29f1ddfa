"""Until transactions exist, a transactional producer is told so at once, finally and clearly."""

import time

import pytest
from confluent_kafka import KafkaException

from support.clients import producer

pytestmark = pytest.mark.millrace


def test_init_transactions_fails_for_good(broker):
    writer = producer(broker.address, transactional_id="payments")
    before = time.monotonic()
    with pytest.raises(KafkaException) as raised:
        writer.init_transactions(30)
    error = raised.value.args[0]
    # librdkafka asks again and again for everything but a few final errors
    assert error.fatal() and not error.retriable(), f"not final: {error}"
    assert time.monotonic() - before < 10


def test_other_producers_are_not_disturbed(broker, topic_name):
    refused = producer(broker.address, transactional_id="payments")
    with pytest.raises(KafkaException):
        refused.init_transactions(30)
    writer = producer(broker.address, enable_idempotence=True)
    answers = []
    writer.produce(topic_name, b"ordinary", on_delivery=lambda error, _: answers.append(error))
    assert writer.flush(30) == 0 and answers == [None]
