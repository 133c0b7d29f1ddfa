"""Direct reply-to: a request whose answer goes straight to the channel that asked."""

import pika
import pytest

from amqp_clients import Inbox, await_message, closes_channel, confirming, get, publish, take

REPLY_TO = "amq.rabbitmq.reply-to"


def request(channel, queue, text):
    publish(channel, text, to=queue, reply_to=REPLY_TO, correlation_id=text)


def answer(channel, queue, reply=None, **options):
    """Takes a request and answers it."""
    asked = await_message(channel, queue)
    address = asked.properties.reply_to
    publish(channel, reply or f"re: {asked.text}", to=address, correlation_id=asked.text, **options)
    return address


def test_a_reply_reaches_the_channel_that_asked(connect, name):
    asking, answering = connect().channel(), connect().channel()
    answering.queue_declare(name)
    inbox = Inbox(asking, REPLY_TO, auto_ack=True)
    for text in ("one", "two"):
        request(asking, name, text)
    addresses = {answer(answering, name) for _ in range(2)}
    assert len(addresses) == 1 and addresses.pop().startswith(f"{REPLY_TO}.")
    replies = inbox.wait_for(2)
    assert [reply.text for reply in replies] == ["re: one", "re: two"]
    assert [reply.properties.correlation_id for reply in replies] == ["one", "two"]
    assert [reply.tag for reply in replies] == [1, 2]
    assert replies[0].method.exchange == ""


def test_channels_get_their_own_replies(connect, name):
    answering = connect().channel()
    answering.queue_declare(name)
    inboxes = []
    for number in range(5):
        channel = connect().channel()
        inboxes.append(Inbox(channel, REPLY_TO, auto_ack=True))
        request(channel, name, str(number))
    for _ in inboxes:
        answer(answering, name)
    for number, inbox in enumerate(inboxes):
        assert inbox.wait_for(1)[0].text == f"re: {number}"


def test_a_large_reply(connect, name):
    asking, answering = connect().channel(), connect().channel()
    answering.queue_declare(name)
    inbox = Inbox(asking, REPLY_TO, auto_ack=True)
    request(asking, name, "all")
    large = "x" * 3_000_000
    answer(answering, name, large)
    assert inbox.wait_for(1)[0].text == large


def test_who_confirms_gets_a_confirm_for_a_reply(connect, name):
    asking, answering = connect().channel(), confirming(connect())
    answering.queue_declare(name)
    inbox = Inbox(asking, REPLY_TO, auto_ack=True)
    request(asking, name, "a")
    answer(answering, name, mandatory=True)
    inbox.wait_for(1)


@pytest.mark.parametrize("end", ["cancel", "channel", "connection"])
def test_a_reply_to_who_is_gone_is_returned(connect, name, end):
    asking, answering = connect().channel(), confirming(connect())
    answering.queue_declare(name)
    inbox = Inbox(asking, REPLY_TO, auto_ack=True)
    request(asking, name, "a")
    asked = await_message(answering, name)
    address = asked.properties.reply_to
    answering.queue_declare(address, passive=True)  # tells that it is there
    if end == "cancel":
        asking.basic_cancel(inbox.tag)
    elif end == "channel":
        asking.close()
    else:
        asking.connection.close()
    publish(answering, "late", to=address)  # dropped
    with pytest.raises(pika.exceptions.UnroutableError):
        publish(answering, "late", to=address, mandatory=True)
    with closes_channel(404, "no queue"):
        answering.queue_declare(address, passive=True)


def test_it_has_no_acknowledgements(channel):
    with closes_channel(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge"):
        Inbox(channel, REPLY_TO)


def test_there_is_one_for_a_channel(channel):
    Inbox(channel, REPLY_TO, auto_ack=True)
    with closes_channel(406, "PRECONDITION_FAILED - reply consumer already set"):
        Inbox(channel, REPLY_TO, auto_ack=True)


def test_nobody_asks_without_one(channel, name):
    channel.queue_declare(name)
    with closes_channel(406, "PRECONDITION_FAILED - fast reply consumer does not exist"):
        request(channel, name, "a")
        channel.queue_declare(name, passive=True)


def test_a_reply_does_not_expire_into_a_queue(connect, name):
    """Nothing of it is stored: the answer's address is no queue."""
    asking, answering = connect().channel(), connect().channel()
    answering.queue_declare(name)
    inbox = Inbox(asking, REPLY_TO, auto_ack=True)
    request(asking, name, "a")
    address = answer(answering, name)
    inbox.wait_for(1)
    with closes_channel(404, "no queue"):
        get(answering, address)
