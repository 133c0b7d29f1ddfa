"""A disk that fails while clients publish: whoever was told that a message is there finds it, and
whoever asks for no confirms is told that some may be lost. See tests/clients/test_disk_errors.py.
"""

import pytest
from pika import exceptions

from amqp_clients import await_closed, confirming, fill, publish, take_all
from support.waiting import Deadline


@pytest.fixture
def failing(make_broker, disk):
    """A broker on that disk."""
    return make_broker(wrapper=disk.wrapper, amqp=True).start()


def publish_when_it_is_back(connect_to, broker, name, text):
    """Publishes until that is confirmed."""
    deadline = Deadline("publishing goes on")
    while True:
        try:
            publish(confirming(connect_to(broker)), text, to=name)
            return
        except (exceptions.AMQPError, OSError):
            deadline.check()


def test_bug_who_asks_for_no_confirms_is_told_that_messages_may_be_lost(
    failing, disk, connect_to, name
):
    fill(confirming(connect_to(failing)), name, "before", durable=True)
    connection = connect_to(failing)
    channel = connection.channel()
    disk.fail()
    publish(channel, "lost", to=name)
    with pytest.raises(exceptions.ConnectionClosedByBroker) as told:
        await_closed(connection)
        connection.process_data_events(0)
    assert told.value.reply_code == 506
    assert "RESOURCE_ERROR - messages published without confirms" in told.value.reply_text
    disk.mend()
    publish_when_it_is_back(connect_to, failing, name, "after")
    assert take_all(connect_to(failing).channel(), name) == ["before", "after"]


def test_a_message_that_can_not_be_kept_is_not_confirmed(failing, disk, connect_to, name):
    channel = confirming(connect_to(failing))
    fill(channel, name, "before", durable=True)
    disk.fail()
    with pytest.raises((exceptions.NackError, exceptions.ConnectionClosed)):
        publish(channel, "lost", to=name)
    disk.mend()
    publish_when_it_is_back(connect_to, failing, name, "after")
    assert take_all(connect_to(failing).channel(), name) == ["before", "after"]


def test_bug_publishing_on_while_the_disk_fails_hangs_nobody(failing, disk, connect_to, name):
    fill(confirming(connect_to(failing)), name, "before", durable=True)
    connection = connect_to(failing)
    channel = connection.channel()
    disk.fail()
    with pytest.raises((exceptions.AMQPConnectionError, exceptions.ChannelWrongStateError)):
        deadline = Deadline("the close of the broker")
        while True:
            publish(channel, b"x" * 100_000, to=name)
            deadline.check()
    disk.mend()
    publish_when_it_is_back(connect_to, failing, name, "after")
    texts = take_all(connect_to(failing).channel(), name)
    assert (texts[0], texts[-1]) == ("before", "after")
