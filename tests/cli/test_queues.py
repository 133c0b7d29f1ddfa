"""millrace queues and millrace publish, with pika at the other end."""

import json
import os
import signal

import pika
import pytest

from cli import Cli
from support import clients
from support.broker import new_broker
from support.waiting import wait_until


@pytest.fixture(scope="module")
def queue_broker(tmp_path_factory):
    instance = new_broker(tmp_path_factory.mktemp("broker"), amqp=True, management=True).start()
    yield instance
    try:
        instance.stop()
    finally:
        instance.discard()


@pytest.fixture
def queues(queue_broker):
    """The commands, told where the management listener is."""
    cli = Cli(queue_broker.address)
    cli.environment["MILLRACE_MANAGEMENT"] = queue_broker.management
    cli.environment["MILLRACE_AMQP"] = queue_broker.amqp
    return cli


@pytest.fixture
def channel(queue_broker):
    connection = pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", queue_broker.amqp_port)
    )
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    if connection.is_open:
        connection.close()


@pytest.fixture
def name():
    return clients.fresh_name("queue")


def listed(queues, name):
    rows = {row["name"]: row for row in queues.json("queues", "list")["queues"]}
    return rows.get(name)


def test_declare_list_and_delete(queues, name):
    assert queues("queues", "declare", name).decode() == f"declared {name}\n"
    again = queues.json("queues", "declare", name, name + "-2")["queues"]
    assert [row["created"] for row in again] == [False, True]
    row = listed(queues, name)
    assert (row["type"], row["durable"], row["ready"], row["consumers"]) == ("classic", True, 0, 0)
    table = queues("queues", "list").decode().splitlines()
    assert table[0].split()[:3] == ["QUEUE", "TYPE", "READY"]
    assert any(line.split()[0] == name for line in table)
    assert "durable" in queues.refused("queues", "declare", name, "--transient")
    queues("queues", "delete", name, name + "-2")
    assert listed(queues, name) is None
    assert "see 'millrace queues list'" in queues.refused("queues", "delete", name)


def test_everything_a_queue_can_be_told(queues, name):
    queues(
        *("queues", "declare", name, "--type", "quorum", "--delivery-limit", 3, "--max-length", 10),
        *("--overflow", "reject-publish", "--message-ttl-ms", 60000, "--dead-letter-to", name),
        *("--single-active-consumer", "-a", "x-team=blue", "--expires-ms", 3600000),
    )
    assert listed(queues, name)["arguments"] == {
        "x-queue-type": "quorum",
        "x-message-ttl": 60000,
        "x-expires": 3600000,
        "x-max-length": 10,
        "x-overflow": "reject-publish",
        "x-delivery-limit": 3,
        "x-single-active-consumer": True,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": name,
        "x-team": "blue",
    }
    wrong = queues.refused("queues", "declare", name + "-2", "-a", "x-max-priority=5")
    assert "x-max-priority" in wrong


def test_publish_and_peek(queues, channel, name):
    queues("queues", "declare", name)
    said = queues("publish", name, stdin=b"one\ntwo\n\xff\n")
    assert said.decode() == f"3 messages published to {name}\n"
    queues("publish", name, "--message", "four", "-H", "kind=test", "--expiration-ms", 60000)
    assert queues("queues", "peek", name).decode() == "one\ntwo\nbase64:/w==\nfour\n"
    assert queues("queues", "peek", name, "-n", 1).decode() == "one\n"
    last = queues.json("queues", "peek", name)["messages"][-1]
    assert last["properties"]["headers"] == {"kind": "test"}
    assert last["properties"]["expiration"] == "60000"
    assert "kind" in queues("queues", "peek", name, "--verbose").decode()
    bodies = [channel.basic_get(name, auto_ack=True)[2] for _ in range(4)]
    assert bodies == [b"one", b"two", b"\xff", b"four"]
    assert "nothing is ready" in queues.run("queues", "peek", name).stderr.decode()


def test_bind_and_publish_to_an_exchange(queues, channel, name):
    queues("queues", "declare", name)
    queues("queues", "bind", name, "amq.topic", "-k", f"{name}.*", "-k", f"{name}-b")
    done = queues.json("publish", "-x", "amq.topic", "-k", f"{name}.7", stdin=b"a\nb\n")
    assert done == {"to": "amq.topic", "messages": 2, "published": 2, "unrouted": 0}
    assert listed(queues, name)["ready"] == 2
    queues("queues", "unbind", name, "amq.topic", "-k", f"{name}.*")
    lost = queues.refused("publish", "-x", "amq.topic", "-k", f"{name}.7", "--message", "c")
    assert "went to no queue" in lost
    assert "no such binding" in queues.refused("queues", "unbind", name, "amq.topic", "-k", "x")
    assert "no exchange" in queues.refused("queues", "bind", name, "missing")
    assert listed(queues, name)["ready"] == 2


def test_purge(queues, name):
    queues("queues", "declare", name)
    queues("publish", name, stdin=b"a\nb\n")
    queues("queues", "purge", name)
    assert listed(queues, name)["ready"] == 0
    queues.refused("queues", "purge", name + "-missing")


def test_stats(queues, channel, name):
    dead = name + "-dead"
    queues("queues", "declare", dead)
    queues("queues", "declare", name, "--dead-letter-to", dead)
    queues("publish", name, stdin=b"a\nb\nc\n")
    method, _, _ = channel.basic_get(name)
    channel.basic_reject(method.delivery_tag, requeue=False)
    channel.basic_get(name)
    wait_until(lambda: listed(queues, dead)["ready"] == 1, "the dead letter")
    stats = {row["name"]: row for row in queues.json("queues", "stats", name, dead)["queues"]}
    row = stats[name]
    assert (row["ready"], row["in_flight"], row["dead_lettered"]) == (1, 1, 1)
    assert (row["published"], row["delivered"], row["in_per_s"]) == (3, 2, 0)
    assert stats[dead]["ready"] == 1 and stats[dead]["log_bytes"] > 0
    head, line = queues("queues", "stats", name, "--interval", 0.1).decode().splitlines()
    assert head.split()[0] == "QUEUE" and line.split()[:3] == [name, "1", "1"]
    assert name in queues.refused("queues", "stats", name + "-missing")


def test_virtual_hosts_are_apart(queues, name):
    queues("queues", "declare", name)
    refused = queues.refused("queues", "list", "--vhost", "elsewhere")
    assert refused == "there is no virtual host 'elsewhere'"


def test_what_is_told_when_there_is_no_broker(queues, name):
    queues.environment["MILLRACE_MANAGEMENT"] = "127.0.0.1:1"
    for command in (["queues", "list"], ["queues", "declare", name], ["publish", name]):
        assert "--management HOST:PORT" in queues.refused(*command)
    error = json.loads(queues.run("queues", "list", "--json").stderr)
    assert error["error"]["code"] == "connection_broken"


def test_mistakes(queues):
    assert "where to?" in queues.refused("publish", "--message", "x", code=2)
    assert queues.run("queues").returncode != 0
    assert queues.run("queues", "peek", "x", "-n", "101").returncode != 0


# millrace work


def test_work_prints_and_acknowledges(queues, name):
    queues("queues", "declare", name)
    queues("publish", name, stdin=b"one\ntwo\nthree\n")
    assert queues("work", name, "--count", 2).decode() == "one\ntwo\n"
    assert listed(queues, name)["ready"] == 1
    (row,) = queues.json_lines("work", name, "--idle", 0.1)
    # It may have been on its way to the first worker when that had its two.
    assert row.pop("redelivered") in (True, False)
    assert row == {"exchange": "", "routing_key": name, "payload": "three"}
    assert listed(queues, name)["ready"] == 0


def test_work_gives_messages_to_a_command(queues, name, tmp_path):
    queues("queues", "declare", name)
    queues("publish", name, stdin=b"a\nb\n")
    out = tmp_path / "out"
    command = f"cat >> {out}; echo \" $MILLRACE_QUEUE $MILLRACE_ROUTING_KEY\" >> {out}"
    queues("work", name, "--exec", command, "--count", 2)
    assert out.read_text() == f"a {name} {name}\nb {name} {name}\n"
    assert listed(queues, name)["ready"] == 0


def test_what_fails_is_given_back_or_rejected(queues, name):
    dead = name + "-dead"
    queues("queues", "declare", dead)
    queues("queues", "declare", name, "--dead-letter-to", dead)
    queues("publish", name, "--message", "hard")
    done = queues.run("work", name, "--exec", "exit 3", "--count", 2)
    assert done.returncode == 1 and b"the command ended with 3" in done.stderr
    assert queues.json("queues", "peek", name)["messages"][0]["payload"] == "hard"
    queues("work", name, "--exec", "false", "--on-failure", "reject", "--count", 1, code=1)
    wait_until(lambda: listed(queues, dead)["ready"] == 1, "the dead letter")
    assert listed(queues, name)["ready"] == 0


def test_workers_share_a_queue(queues, channel, name):
    queues("queues", "declare", name)
    workers = [queues.start("work", name, "--exec", "cat; echo") for _ in range(2)]
    wait_until(lambda: listed(queues, name)["consumers"] == 2, "both workers")
    for number in range(20):
        channel.basic_publish("", name, b"%d" % number)
    wait_until(lambda: listed(queues, name)["ready"] + listed(queues, name)["in_flight"] == 0, "all of it")
    told = []
    for worker in workers:
        worker.terminate()
        told.append(worker.communicate(timeout=20)[0].split())
    assert sorted(int(number) for lines in told for number in lines) == list(range(20))
    assert all(told)


def test_a_worker_that_dies_gives_its_message_back(queues, name, tmp_path):
    queues("queues", "declare", name)
    queues("publish", name, "--message", "precious")
    started = tmp_path / "pid"
    command = f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 600"
    worker = queues.start("work", name, "--exec", command)
    wait_until(started.exists, "the command")
    assert listed(queues, name)["in_flight"] == 1
    worker.kill()
    os.kill(int(started.read_text()), signal.SIGKILL)
    worker.communicate(timeout=20)
    wait_until(lambda: listed(queues, name)["ready"] == 1, "the message back")
    assert queues.json_lines("work", name, "--count", 1)[0]["redelivered"] is True


def test_a_reader_that_goes_takes_nothing_along(queues, name):
    queues("queues", "declare", name)
    queues("publish", name, "--message", "one")
    worker = queues.start("work", name)
    assert worker.stdout.readline() == b"one\n"
    worker.stdout.close()
    queues("publish", name, "--message", "two")
    worker.wait(20)
    wait_until(lambda: listed(queues, name)["ready"] == 1, "the message back")


def test_work_on_what_is_not_there(queues, name):
    assert "see 'millrace queues list'" in queues.refused("work", name)
    queues.environment["MILLRACE_AMQP"] = "127.0.0.1:1"
    assert "--amqp HOST:PORT" in queues.refused("work", name)
    queues.environment["MILLRACE_AMQP"] = queues.environment["MILLRACE_MANAGEMENT"]
    assert "AMQP listener" in queues.refused("work", name)


def test_a_queue_that_is_deleted_ends_its_worker(queues, name):
    queues("queues", "declare", name)
    worker = queues.start("work", name)
    wait_until(lambda: listed(queues, name)["consumers"] == 1, "the worker")
    queues("queues", "delete", name)
    assert b"was deleted" in worker.communicate(timeout=20)[1]
    assert worker.returncode == 1
