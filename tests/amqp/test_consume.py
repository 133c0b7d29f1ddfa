"""Consuming: how many at once, who gets what, what is acknowledged, and what comes again."""

import pytest

from amqp_clients import (
    Inbox,
    await_closed,
    await_ready,
    break_off,
    closes_channel,
    closes_connection,
    confirming,
    consumers,
    fill,
    get,
    is_there,
    publish,
    ready,
    take,
    take_all,
    wait_for_all,
)
from support.waiting import Deadline


# Prefetch


def test_prefetch_of_a_consumer(channel, name):
    fill(channel, name, *range(30))
    channel.basic_qos(prefetch_count=4)
    inbox = Inbox(channel, name)
    for done in range(30):
        # As many as it may have are there, and the rest stays in the queue.
        inbox.wait_for(min(done + 4, 30))
        assert ready(channel, name) == max(30 - done - 4, 0)
        inbox.ack(done)
    assert inbox.texts == [str(number) for number in range(30)]


def test_acks_of_many_make_room_for_many(channel, name):
    fill(channel, name, *range(20))
    channel.basic_qos(prefetch_count=5)
    inbox = Inbox(channel, name)
    for have in (5, 10, 15, 20):
        inbox.wait_for(have)
        assert ready(channel, name) == 20 - have
        inbox.ack(multiple=True)


def test_prefetch_is_of_each_consumer(channel, name):
    """Those that come later have another."""
    fill(channel, name, *range(20))
    channel.basic_qos(prefetch_count=2)
    two = Inbox(channel, name)
    two.wait_for(2)
    channel.basic_qos(prefetch_count=5)
    five = Inbox(channel, name)
    five.wait_for(5)
    assert ready(channel, name) == 13
    assert len(two.messages) == 2


def test_multiple_acks_release_each_consumer(channel, name):
    other = f"{name}-other"
    fill(channel, name, *range(4))
    fill(channel, other, *range(4))
    channel.basic_qos(prefetch_count=2)
    one, two = Inbox(channel, name), Inbox(channel, other)
    wait_for_all(4, one, two)
    channel.basic_ack(4, multiple=True)
    wait_for_all(8, one, two)
    assert (len(one.messages), len(two.messages)) == (4, 4)


def test_without_a_limit_all_come(channel, name):
    fill(channel, name, *range(2500))
    assert Inbox(channel, name).wait_for(2500)[-1].text == "2499"


def test_a_limit_shared_by_the_channel(channel, name):
    other = f"{name}-other"
    fill(channel, name, *range(10))
    fill(channel, other, *range(10))
    channel.basic_qos(prefetch_count=3, global_qos=True)
    one, two = Inbox(channel, name), Inbox(channel, other)
    for count in range(3, 20):
        wait_for_all(count, one, two)
        # Nothing more is on its way: an answer would come behind it.
        channel.queue_declare(name, passive=True)
        channel.connection.process_data_events(0)
        wait_for_all(count, one, two)
        channel.basic_ack(count - 2)
    wait_for_all(20, one, two)


def test_the_shared_limit_is_raised_and_lowered_while_consuming(channel, name):
    fill(channel, name, *range(20))
    channel.basic_qos(prefetch_count=2, global_qos=True)
    inbox = Inbox(channel, name)
    inbox.wait_for(2)
    channel.basic_qos(prefetch_count=6, global_qos=True)
    inbox.wait_for(6)
    channel.basic_qos(prefetch_count=1, global_qos=True)
    for index in range(5):
        inbox.ack(index)
    assert get(channel, f"{name}", auto_ack=True) is not None  # and everything before it is read
    inbox.wait_for(6)
    inbox.ack(5)
    inbox.wait_for(7)


def test_bug_nothing_comes_of_a_cancelled_consumer_that_waited_for_the_shared_limit(channel, name):
    fill(channel, name, *range(3))
    channel.basic_qos(prefetch_count=1, global_qos=True)
    inbox = Inbox(channel, name)
    inbox.wait_for(1)
    channel.basic_cancel(inbox.tag)
    inbox.ack()
    await_ready(channel, name, 2)
    inbox.wait_for(1)
    assert take_all(channel, name) == ["1", "2"]


def test_bug_an_auto_delete_queue_is_gone_when_its_last_cancel_is_answered(channel):
    for _ in range(20):
        queue = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
        channel.basic_cancel(Inbox(channel, queue).tag)
        assert not is_there(channel.connection, queue)


def test_no_limit_for_those_that_need_not_acknowledge(channel, name):
    fill(channel, name, *range(10))
    channel.basic_qos(prefetch_count=1)
    Inbox(channel, name, auto_ack=True).wait_for(10)


def test_a_prefetch_in_bytes_is_not_there(channel):
    with closes_connection(540, "NOT_IMPLEMENTED - prefetch_size!=0"):
        channel.basic_qos(prefetch_size=1)


# Acknowledging


def test_what_is_acknowledged_does_not_come_again(connect, name):
    channel = connect().channel()
    fill(channel, name, "a", "b", "c")
    inbox = Inbox(channel, name)
    inbox.wait_for(3)
    inbox.ack(1)
    channel.close()
    assert take_all(connect().channel(), name) == ["a", "c"]


def test_multiple_acknowledges_all_before_it(connect, name):
    channel = connect().channel()
    fill(channel, name, *range(5))
    inbox = Inbox(channel, name)
    inbox.wait_for(5)
    inbox.ack(3, multiple=True)
    channel.close()
    assert take_all(connect().channel(), name) == ["4"]


def test_tag_0_is_all_of_them(connect, name):
    channel = connect().channel()
    fill(channel, name, *range(5))
    Inbox(channel, name).wait_for(5)
    channel.basic_ack(0, multiple=True)
    channel.close()
    assert ready(connect().channel(), name) == 0


def test_tags_count_from_1_on_each_channel(connect, name):
    connection = connect()
    for queue in (f"{name}-one", f"{name}-other"):
        channel = connection.channel()
        fill(channel, queue, "a", "b", "c")
        tags = [get(channel, queue).tag]
        tags += [message.tag for message in Inbox(channel, queue).wait_for(2)]
        assert tags == [1, 2, 3]


@pytest.mark.parametrize("multiple", [False, True])
@pytest.mark.parametrize("method", ["basic_ack", "basic_nack"])
def test_an_unknown_tag_closes_the_channel(channel, name, method, multiple):
    fill(channel, name, "a")
    get(channel, name)
    with closes_channel(406, "PRECONDITION_FAILED - unknown delivery tag 7"):
        getattr(channel, method)(7, multiple=multiple)
        channel.queue_declare(name, passive=True)


def test_acknowledging_twice_closes_the_channel(connect, name):
    connection = connect()
    channel = connection.channel()
    fill(channel, name, "a", "b")
    first = get(channel, name).tag
    get(channel, name)
    channel.basic_ack(first)
    with closes_channel(406, f"PRECONDITION_FAILED - unknown delivery tag {first}"):
        channel.basic_ack(first)
        channel.queue_declare(name, passive=True)
    assert take_all(connection.channel(), name) == ["b"], "the others came back"


def test_a_tag_of_another_channel_is_unknown(connect, name):
    connection = connect()
    one, other = connection.channel(), connection.channel()
    fill(one, name, "a")
    tag = get(one, name).tag
    with closes_channel(406, "unknown delivery tag"):
        other.basic_ack(tag)
        other.queue_declare(name, passive=True)
    one.basic_ack(tag)


# Giving back


@pytest.mark.parametrize("method", ["basic_nack", "basic_reject"])
def test_what_is_given_back_takes_its_place_again(channel, name, method):
    fill(channel, name, "a", "b", "c")
    first = get(channel, name)
    assert (first.text, first.redelivered) == ("a", False)
    getattr(channel, method)(first.tag, requeue=True)
    await_ready(channel, name, 3)
    again = [get(channel, name) for _ in range(3)]
    assert [(m.text, m.redelivered) for m in again] == [("a", True), ("b", False), ("c", False)]


def test_many_are_given_back_at_once(channel, name):
    fill(channel, name, *range(6))
    for _ in range(4):
        last = get(channel, name)
    channel.basic_nack(last.tag, multiple=True, requeue=True)
    await_ready(channel, name, 6)
    assert take_all(channel, name) == [str(number) for number in range(6)]


@pytest.mark.parametrize("method", ["basic_nack", "basic_reject"])
def test_what_is_rejected_is_gone(channel, name, method):
    fill(channel, name, "a", "b")
    getattr(channel, method)(get(channel, name).tag, requeue=False)
    assert take_all(channel, name) == ["b"]
    channel.close()
    assert ready(channel.connection.channel(), name) == 0


def test_recover_gives_everything_back(channel, name):
    fill(channel, name, "a", "b", "c")
    get(channel, name)
    channel.basic_ack(get(channel, name).tag)
    get(channel, name)
    channel.basic_recover(requeue=True)
    await_ready(channel, name, 2)
    again = [get(channel, name) for _ in range(2)]
    assert [(m.text, m.redelivered) for m in again] == [("a", True), ("c", True)]


def test_recover_to_a_consumer(channel, name):
    fill(channel, name, "a")
    inbox = Inbox(channel, name)
    inbox.wait_for(1)
    channel.basic_recover(requeue=True)
    again = inbox.wait_for(2)[1]
    assert (again.text, again.redelivered) == ("a", True)


def end_of_channel(channel):
    channel.close()


def end_of_connection(channel):
    channel.connection.close()


def end_of_network(channel):
    break_off(channel.connection)


@pytest.mark.parametrize("end", [end_of_channel, end_of_connection, end_of_network])
def test_who_goes_gives_everything_back(connect, name, end):
    channel = connect().channel()
    fill(channel, name, "a", "b", "c", "d")
    get(channel, name)
    inbox = Inbox(channel, name)
    inbox.wait_for(3)
    channel.basic_ack(inbox.messages[0].tag)
    channel.queue_declare(name, passive=True)  # what was acknowledged has been read
    end(channel)
    other = connect().channel()
    await_ready(other, name, 3)
    again = [get(other, name) for _ in range(3)]
    assert [(m.text, m.redelivered) for m in again] == [("a", True), ("c", True), ("d", True)]


# Cancelling


def test_nothing_comes_after_cancel_ok(channel, name):
    fill(channel, name, "a")
    inbox = Inbox(channel, name)
    inbox.wait_for(1)
    channel.basic_cancel(inbox.tag)
    publish(channel, "b", to=name)
    assert ready(channel, name) == 1
    inbox.ack()  # what it has is its own still
    assert take_all(channel, name) == ["b"]
    assert consumers(channel, name) == 0


def test_the_consumers_of_a_deleted_queue_are_told(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(name)
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    tags = {Inbox(channel, name).tag, Inbox(channel, name).tag}
    connect().channel().queue_delete(name)
    deadline = Deadline("two cancels")
    while set(cancelled) != tags:
        connection.process_data_events(0.02)
        deadline.check()
    channel.queue_declare(name)  # the channel lives


def test_a_consumer_tag_is_used_once(channel, name):
    channel.queue_declare(name)
    Inbox(channel, name, consumer_tag="mine")
    raw = channel._impl
    raw._consumers.clear()  # pika would refuse it itself
    raw.basic_consume(name, lambda *_: None, consumer_tag="other")
    with closes_connection(530, "NOT_ALLOWED - attempt to reuse consumer tag 'mine'"):
        raw.basic_consume(name, lambda *_: None, consumer_tag="mine")
        await_closed(channel.connection)


def test_consuming_what_is_not_there(channel, name):
    with closes_channel(404, f"NOT_FOUND - no queue '{name}' in vhost '/'"):
        Inbox(channel, name)


def test_the_broker_makes_up_consumer_tags(channel, name):
    channel.queue_declare(name)
    channel._impl.basic_consume(name, lambda *_: None, consumer_tag="")
    assert consumers(channel, name) == 1


# Several consumers


def test_an_exclusive_consumer_is_alone(connect, name):
    connection = connect()
    one = connection.channel()
    one.queue_declare(name)
    inbox = Inbox(one, name, exclusive=True)
    text = f"ACCESS_REFUSED - queue '{name}' in vhost '/' in exclusive use"
    with closes_channel(403, text):
        Inbox(connection.channel(), name)
    one.basic_cancel(inbox.tag)
    shared = Inbox(connection.channel(), name)
    with closes_channel(403, text):
        Inbox(connection.channel(), name, exclusive=True)
    assert shared.channel.is_open


def test_two_consumers_share_fairly(connect, name):
    one, other = connect().channel(), connect().channel()
    one.queue_declare(name)
    inboxes = [Inbox(one, name), Inbox(other, name)]
    publish(one, *range(100), to=name)
    wait_for_all(100, *inboxes)
    assert [len(inbox.messages) for inbox in inboxes] == [50, 50]


def test_the_higher_priority_first(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(name)
    channel.basic_qos(prefetch_count=3)
    low = Inbox(channel, name)
    high = Inbox(channel, name, arguments={"x-priority": 10})
    publish(channel, *range(3), to=name)
    high.wait_for(3)
    assert low.messages == []
    publish(channel, *range(3, 5), to=name)
    low.wait_for(2)  # what the other can't take
    assert high.texts == ["0", "1", "2"]
    high.ack(multiple=False)
    publish(channel, 5, to=name)
    high.wait_for(4)
    assert low.texts == ["3", "4"]


def test_a_priority_that_is_no_number(channel, name):
    channel.queue_declare(name)
    with closes_channel(406, "x-priority"):
        Inbox(channel, name, arguments={"x-priority": "high"})


def test_a_single_active_consumer_and_who_follows(connect, name):
    first, second = connect().channel(), connect().channel()
    fill(first, name, *range(4), arguments={"x-single-active-consumer": True})
    first.basic_qos(prefetch_count=1)
    active = Inbox(first, name)
    waiting = Inbox(second, name)
    active.wait_for(1)
    active.ack()
    active.wait_for(2)
    assert consumers(first, name) == 2
    assert waiting.messages == []
    break_off(first.connection)  # with one that it did not acknowledge
    assert [(m.text, m.redelivered) for m in waiting.wait_for(3)] == [
        ("1", True),
        ("2", False),
        ("3", False),
    ]


def test_get_is_refused_where_one_consumer_is_active(channel, name):
    channel.queue_declare(name, arguments={"x-single-active-consumer": True})
    with closes_channel(405, "RESOURCE_LOCKED"):
        get(channel, name)


# Get


def test_get_tells_how_many_are_left(channel, name):
    fill(channel, name, "a", "b", "c")
    messages = [get(channel, name) for _ in range(3)]
    assert [message.method.message_count for message in messages] == [2, 1, 0]
    assert get(channel, name) is None


def test_get_sees_what_was_published_before(channel, name):
    channel.queue_declare(name)
    for number in range(50):
        publish(channel, number, to=name)
        assert take(channel, name).text == str(number)


def test_get_of_a_missing_queue(channel, name):
    with closes_channel(404):
        get(channel, name)


def test_no_ack_is_gone_at_once(connect, name):
    channel = connect().channel()
    fill(channel, name, "a", "b")
    get(channel, name, auto_ack=True)
    Inbox(channel, name, auto_ack=True).wait_for(1)
    channel.connection.close()
    assert ready(connect().channel(), name) == 0


def test_no_ack_needs_no_acknowledgement(channel, name):
    fill(channel, name, "a")
    message = get(channel, name, auto_ack=True)
    with closes_channel(406, "unknown delivery tag"):
        channel.basic_ack(message.tag)
        channel.queue_declare(name, passive=True)


def test_large_and_many_deliveries_to_a_slow_reader(connect, name):
    """More than the broker keeps for a connection; another one goes on meanwhile."""
    channel = confirming(connect())
    fill(channel, name, *[bytes([number]) * (1 << 20) for number in range(12)])
    slow, other = connect().channel(), connect().channel()
    slow._impl.basic_consume(name, lambda *_: None, consumer_tag="ignored")
    fill(other, f"{name}-other", "a")
    assert take(other, f"{name}-other").text == "a"
    slow.connection.close()
    await_ready(other, name, 12)


def test_deleting_a_queue_with_unacknowledged_messages(channel, name):
    fill(channel, name, "a", "b")
    message = get(channel, name)
    channel.queue_delete(name)
    channel.basic_ack(message.tag)  # of a queue that is gone
    channel.queue_declare(name)
    assert ready(channel, name) == 0
    assert is_there(channel.connection, name)
