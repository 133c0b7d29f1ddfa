"""What dies in a queue and where it goes: lifetimes, lengths, rejections, retries."""

import pytest
from pika import exceptions
from pika.exchange_type import ExchangeType

from amqp_clients import (
    Inbox,
    await_gone,
    await_message,
    await_ready,
    closes_channel,
    confirming,
    fill,
    get,
    is_there,
    publish,
    ready,
    take,
    take_all,
)
from support import clients
from support.waiting import wait_until


@pytest.fixture
def dead(name):
    return f"{name}-dead"


def dead_to(queue, **arguments):
    """Arguments of a queue whose dead letters go to another one."""
    more = {key.replace("_", "-"): value for key, value in arguments.items()}
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue, **more}


def deaths(message):
    """(queue, reason, count) of each entry of x-death."""
    return [(each["queue"], each["reason"], each["count"]) for each in message.headers["x-death"]]


# Lifetimes


def test_messages_expire_by_the_queue(channel, name):
    fill(channel, name, "a", "b", arguments={"x-message-ttl": 100})
    assert ready(channel, name) == 2
    await_ready(channel, name, 0)


def test_messages_expire_by_themselves(channel, name):
    channel.queue_declare(name)
    publish(channel, "short", to=name, expiration="50")
    publish(channel, "long", to=name, expiration="60000")
    publish(channel, "ever", to=name)
    await_ready(channel, name, 2)
    assert take_all(channel, name) == ["long", "ever"]


@pytest.mark.parametrize("queue_ms, message_ms", [(60000, 50), (50, 60000)])
def test_the_shorter_of_both_counts(channel, name, queue_ms, message_ms):
    channel.queue_declare(name, arguments={"x-message-ttl": queue_ms})
    publish(channel, "a", to=name, expiration=str(message_ms))
    await_ready(channel, name, 0)


def test_the_expiration_arrives_with_the_message(channel, name):
    channel.queue_declare(name)
    publish(channel, "a", to=name, expiration="60000")
    assert take(channel, name).properties.expiration == "60000"


def test_a_lifetime_of_0_is_for_who_waits_already(channel, name):
    channel.queue_declare(name)
    inbox = Inbox(channel, name, auto_ack=True)
    publish(channel, "a", to=name, expiration="0")
    assert inbox.wait_for(1)[0].text == "a"
    channel.basic_cancel(inbox.tag)
    publish(channel, "b", to=name, expiration="0")
    await_ready(channel, name, 0)


def test_what_is_being_worked_on_does_not_expire(channel, name):
    fill(channel, name, "a", "b", arguments={"x-message-ttl": 150})
    message = get(channel, name)
    await_ready(channel, name, 0)  # the other one
    channel.basic_ack(message.tag)
    assert channel.is_open


def test_a_queue_that_nobody_uses_expires(server, connect, name):
    connection = connect()
    channel = connection.channel()
    used = f"{name}-used"
    channel.queue_declare(used, arguments={"x-expires": 300})
    Inbox(channel, used)
    fill(channel, name, "a", arguments={"x-expires": 300})
    # Asking whether it is there would be use; looking at its topic is none.
    topics = lambda: clients.admin(server.address).list_topics(timeout=20).topics
    wait_until(lambda: name not in topics(), f"the end of {name}")
    assert not is_there(connection, name)
    assert is_there(connection, used)


# Lengths


def test_the_oldest_go_when_there_are_too_many(channel, name):
    fill(channel, name, *range(10), arguments={"x-max-length": 3})
    await_ready(channel, name, 3)
    assert take_all(channel, name) == ["7", "8", "9"]


def test_what_is_being_worked_on_does_not_count(channel, name):
    channel.queue_declare(name, arguments={"x-max-length": 2})
    publish(channel, "a", "b", to=name)
    get(channel, name), get(channel, name)
    publish(channel, "c", "d", to=name)
    await_ready(channel, name, 2)
    assert take_all(channel, name) == ["c", "d"]


def test_the_newest_are_refused_if_that_is_wished(connect, name):
    channel = confirming(connect())
    channel.queue_declare(name, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    publish(channel, "a", "b", to=name)
    with pytest.raises(exceptions.NackError):
        publish(channel, "c", to=name)
    assert take(channel, name).text == "a"
    publish(channel, "d", to=name)
    assert take_all(channel, name) == ["b", "d"]


def test_one_full_queue_of_two_is_a_nack(connect, name):
    channel = confirming(connect())
    full, other = f"{name}-full", f"{name}-other"
    channel.queue_declare(full, arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    channel.queue_declare(other)
    channel.exchange_declare(name, ExchangeType.fanout)
    for queue in (full, other):
        channel.queue_bind(queue, name)
    with pytest.raises(exceptions.NackError):
        publish(channel, "a", exchange=name)
    assert take_all(channel, other) == ["a"]


# Dead letters


def test_what_is_rejected_becomes_a_dead_letter(channel, name, dead):
    channel.queue_declare(dead)
    fill(channel, name, arguments=dead_to(dead))
    publish(channel, "a", to=name, message_id="m", headers={"own": 1})
    channel.basic_reject(get(channel, name).tag, requeue=False)
    letter = await_message(channel, dead)
    assert (letter.text, letter.properties.message_id, letter.headers["own"]) == ("a", "m", 1)
    assert (letter.method.exchange, letter.method.routing_key) == ("", dead)
    (death,) = letter.headers["x-death"]
    assert death.pop("time")
    assert death == {
        "queue": name,
        "reason": "rejected",
        "count": 1,
        "exchange": "",
        "routing-keys": [name],
    }
    for which in ("first", "last"):
        assert letter.headers[f"x-{which}-death-queue"] == name
        assert letter.headers[f"x-{which}-death-reason"] == "rejected"
        assert letter.headers[f"x-{which}-death-exchange"] == ""


def test_a_dead_letter_goes_by_the_keys_it_came_with(channel, name, dead):
    """Those of its copies, too; BCC is for nobody to see."""
    exchange = f"{name}-dead"
    channel.exchange_declare(exchange, "direct")
    channel.queue_declare(dead)
    channel.queue_bind(dead, exchange, f"{name}-copy")
    channel.queue_declare(name, arguments={"x-dead-letter-exchange": exchange})
    publish(channel, "a", to=name, headers={"CC": [f"{name}-copy"], "BCC": [f"{name}-hidden"]})
    channel.basic_reject(get(channel, name).tag, requeue=False)
    letter = await_message(channel, dead)
    assert letter.headers["x-death"][0]["routing-keys"] == [name, f"{name}-copy"]
    assert letter.method.routing_key == name


def test_nack_of_many(channel, name, dead):
    channel.queue_declare(dead)
    fill(channel, name, *range(5), arguments=dead_to(dead))
    inbox = Inbox(channel, name)
    inbox.wait_for(5)
    channel.basic_nack(inbox.messages[-1].tag, multiple=True, requeue=False)
    await_ready(channel, dead, 5)
    assert take_all(channel, dead) == [str(number) for number in range(5)]


def test_what_expires_becomes_a_dead_letter(channel, name, dead):
    channel.queue_declare(dead)
    fill(channel, name, arguments=dead_to(dead))
    publish(channel, "a", to=name, expiration="20")
    letter = await_message(channel, dead)
    assert deaths(letter) == [(name, "expired", 1)]
    assert letter.properties.expiration is None, "it would expire again"
    assert letter.headers["x-death"][0]["original-expiration"] == "20"


def test_what_is_too_much_becomes_a_dead_letter(channel, name, dead):
    channel.queue_declare(dead)
    fill(channel, name, "a", "b", "c", arguments=dead_to(dead, x_max_length=1))
    await_ready(channel, dead, 2)
    assert deaths(take(channel, dead)) == [(name, "maxlen", 1)]
    assert take_all(channel, name) == ["c"]


def test_too_many_attempts_make_a_dead_letter(channel, name, dead):
    channel.queue_declare(dead, durable=True)
    arguments = dead_to(dead, x_queue_type="quorum", x_delivery_limit=2)
    fill(channel, name, "a", durable=True, arguments=arguments)
    inbox = Inbox(channel, name)
    for attempt in range(3):
        message = inbox.wait_for(attempt + 1)[-1]
        assert message.redelivered == (attempt > 0)
        assert message.headers.get("x-delivery-count", 0) == attempt
        channel.basic_reject(message.tag, requeue=True)
    assert deaths(await_message(channel, dead)) == [(name, "delivery_limit", 1)]
    assert len(inbox.messages) == 3


def test_without_a_key_of_its_own_it_keeps_the_one_it_had(channel, name, dead):
    channel.exchange_declare(dead, ExchangeType.topic)
    channel.queue_declare(dead)
    channel.queue_bind(dead, dead, "orders.*")
    channel.queue_declare(name, arguments={"x-dead-letter-exchange": dead})
    channel.queue_bind(name, "amq.topic", "orders.#")
    publish(channel, "a", exchange="amq.topic", to="orders.new")
    channel.basic_reject(get(channel, name).tag, requeue=False)
    letter = await_message(channel, dead)
    assert (letter.method.exchange, letter.method.routing_key) == (dead, "orders.new")
    (death,) = letter.headers["x-death"]
    assert (death["exchange"], death["routing-keys"]) == ("amq.topic", ["orders.new"])


def test_a_dead_letter_goes_to_every_queue_of_the_exchange(channel, name, dead):
    channel.exchange_declare(dead, ExchangeType.fanout)
    for queue in (f"{dead}-1", f"{dead}-2"):
        channel.queue_declare(queue)
        channel.queue_bind(queue, dead)
    fill(channel, name, "a", arguments={"x-dead-letter-exchange": dead})
    channel.basic_reject(get(channel, name).tag, requeue=False)
    for queue in (f"{dead}-1", f"{dead}-2"):
        assert await_message(channel, queue).text == "a"


@pytest.mark.parametrize("exchange", ["missing", "amq.direct"], ids=["missing", "no-route"])
def test_a_dead_letter_without_a_way_is_dropped(channel, name, exchange):
    fill(channel, name, "a", "b", arguments={"x-dead-letter-exchange": exchange})
    channel.basic_reject(get(channel, name).tag, requeue=False)
    assert take(channel, name).text == "b"
    channel.close()
    assert ready(channel.connection.channel(), name) == 0


def test_an_exchange_that_comes_later_counts(channel, name, dead):
    fill(channel, name, "a", arguments={"x-dead-letter-exchange": dead})
    channel.exchange_declare(dead, ExchangeType.fanout)
    channel.queue_declare(dead)
    channel.queue_bind(dead, dead)
    channel.basic_reject(get(channel, name).tag, requeue=False)
    assert await_message(channel, dead).text == "a"


def test_a_retry_circle_counts_its_rounds(channel, name):
    retry = f"{name}-retry"
    channel.queue_declare(name, arguments=dead_to(retry))
    channel.queue_declare(retry, arguments=dead_to(name, x_message_ttl=20))
    publish(channel, "a", to=name)
    for rounds in range(4):
        message = await_attempt(channel, name)
        found = dict(((q, r), c) for q, r, c in deaths(message)) if rounds else {}
        if rounds:
            assert found == {(name, "rejected"): rounds, (retry, "expired"): rounds}
            assert deaths(message)[0][:2] == (retry, "expired"), "the newest first"
            assert message.headers["x-first-death-reason"] == "rejected"
            assert message.headers["x-last-death-reason"] == "expired"
        channel.basic_reject(message.tag, requeue=False)


def await_attempt(channel, queue):
    """The next message, not acknowledged."""
    await_ready(channel, queue, 1)
    return get(channel, queue)


def test_a_circle_without_a_rejection_ends(channel, name):
    """It would turn for ever. The one behind it takes the same way, and arrives alone."""
    one, other = f"{name}-one", f"{name}-other"
    channel.queue_declare(one, arguments=dead_to(other))
    channel.queue_declare(other, arguments=dead_to(one, x_message_ttl=300))
    publish(channel, "turns", to=one, expiration="20")
    await_ready(channel, other, 1)
    publish(channel, "behind", to=other)
    assert await_message(channel, one).text == "behind"
    assert (ready(channel, one), ready(channel, other)) == (0, 0)


def test_a_dead_letter_of_a_dead_letter(channel, name, dead):
    last = f"{name}-last"
    channel.queue_declare(last)
    channel.queue_declare(dead, arguments=dead_to(last, x_message_ttl=20))
    fill(channel, name, "a", arguments=dead_to(dead))
    channel.basic_reject(get(channel, name).tag, requeue=False)
    letter = await_message(channel, last)
    assert deaths(letter) == [(dead, "expired", 1), (name, "rejected", 1)]
    assert letter.headers["x-first-death-queue"] == name
    assert letter.headers["x-last-death-queue"] == dead


def test_purged_and_acknowledged_messages_are_no_dead_letters(channel, name, dead):
    channel.queue_declare(dead)
    fill(channel, name, "a", "b", arguments=dead_to(dead))
    assert take(channel, name).text == "a"
    channel.queue_purge(name)
    channel.queue_delete(name)
    assert ready(channel, dead) == 0


def test_a_dead_letter_key_needs_an_exchange(channel, name):
    with closes_channel(406, "x-dead-letter-routing-key"):
        channel.queue_declare(name, arguments={"x-dead-letter-routing-key": "key"})


def test_deleting_a_queue_with_dead_letters_under_way(connect, name, dead):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(dead)
    fill(channel, name, *range(200), arguments=dead_to(dead))
    inbox = Inbox(channel, name)
    inbox.wait_for(200)
    channel.basic_nack(0, multiple=True, requeue=False)
    channel.queue_delete(name)
    await_gone(connection, name)
    texts = take_all(channel, dead)
    assert len(texts) == len(set(texts))
