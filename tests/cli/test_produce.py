"""millrace produce: lines of text become records that other clients read."""

import json
import os
import pty
import select
import signal

import pytest

from cli import Cli
from support import batches, clients, wire
from support.proxy import CUT_REQUEST, LOSE_ANSWER, PASS, BreakingProxy
from support.waiting import wait_until

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def lines_of(values):
    return b"".join(value + b"\n" for value in values)


def stored(address, topic, partitions=1):
    """Key and value of everything in the topic, partition by partition."""
    found = clients.read_all(address, topic, partitions)
    return [(message.key(), message.value()) for index in sorted(found) for message in found[index]]


def values_in(address, topic, partitions=1):
    return [value for _, value in stored(address, topic, partitions)]


def test_lines_are_read_by_kcat(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    said = cli("produce", topic_name, stdin=b"one\ntwo\n\nlast without an end")
    assert said == f"4 records acknowledged by {topic_name}: partition 0 from offset 0\n".encode()
    assert clients.kcat(broker.address, "-C", "-t", topic_name, "-e", "-q", "-f", "%o:%s|") == (
        b"0:one|1:two|2:|3:last without an end|"
    )


def test_keys_and_headers_are_read_by_kcat(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli(
        "produce",
        topic_name,
        "-K",
        ": ",
        "-H",
        "host=web1",
        "-H",
        "empty=",
        stdin=b"a: 1\nb: 2: 3\nnone\n",
    )
    read = clients.kcat(
        broker.address, "-C", "-t", topic_name, "-e", "-q", "-Z", "-f", "%k=%s[%h];"
    )
    assert read == b"a=1[host=web1,empty=];b=2: 3[host=web1,empty=];NULL=none[host=web1,empty=];"


def test_one_key_for_all(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli("produce", topic_name, "--key", "k", stdin=b"1\n2\n")
    assert stored(broker.address, topic_name) == [(b"k", b"1"), (b"k", b"2")]


def test_empty_values_and_null_ones(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli("produce", topic_name, "-K", ":", stdin=b"a:\n")
    cli("produce", topic_name, "-K", ":", "--empty-is-null", stdin=b"a:\n")
    assert stored(broker.address, topic_name) == [(b"a", b""), (b"a", None)]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read_by_others(cli, broker, topic_name, codec):
    clients.create_topic(broker.address, topic_name)
    values = [b"value %d of many that look alike" % number for number in range(20000)]
    done = cli.json("produce", topic_name, "--compression", codec, stdin=lines_of(values))
    assert (done["records"], done["acknowledged"], done["unacknowledged"]) == (20000, 20000, 0)
    assert values_in(broker.address, topic_name) == values
    kept = cli.json("topics", "describe", topic_name)["topics"][0]["partitions"][0]["bytes"]
    assert (kept < len(lines_of(values)) / 2) == (codec != "none")


def test_keys_go_where_murmur2_sends_them(cli, broker, topic_name):
    """librdkafka has the Java clients' partitioner too: both must agree on every key."""
    mine, theirs = topic_name + "-mine", topic_name + "-theirs"
    keys = [
        b"k" * length + b"%d" % number for number, length in enumerate([0, 1, 2, 3, 4, 5, 9] * 60)
    ]
    keys += [f"schlüssel {number}".encode() for number in range(30)]
    for topic in (mine, theirs):
        clients.create_topic(broker.address, topic, partitions=7)
    cli("produce", mine, "-K", "\t", stdin=lines_of([key + b"\tv" for key in keys]))
    writer = clients.producer(broker.address, partitioner="murmur2_random")
    for key in keys:
        clients.produce_when_room(writer, theirs, key=key, value=b"v")
    assert writer.flush(30) == 0
    places = [
        {
            message.key(): index
            for index, found in clients.read_all(broker.address, topic, 7).items()
            for message in found
        }
        for topic in (mine, theirs)
    ]
    assert places[0] == places[1] and len(set(places[0].values())) == 7


def test_a_partition_of_choice(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=3)
    done = cli.json("produce", topic_name, "--partition", 2, stdin=b"a\nb\n")
    assert done["partitions"] == [
        {"partition": 2, "records": 2, "first_offset": 0, "last_offset": 1}
    ]
    assert "it has 0 to 2" in cli.refused("produce", topic_name, "--partition", 3, stdin=b"a\n")


def test_lines_without_a_key_are_spread(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=3)
    values = [b"%d " % number + b"x" * 1000 for number in range(3000)]
    done = cli.json("produce", topic_name, stdin=lines_of(values))
    assert len(done["partitions"]) == 3
    assert sorted(values_in(broker.address, topic_name, 3)) == sorted(values)


def test_a_file(cli, broker, topic_name, tmp_path):
    clients.create_topic(broker.address, topic_name)
    file = tmp_path / "lines.txt"
    file.write_bytes(b"from\na file")
    cli("produce", topic_name, "--file", file)
    assert values_in(broker.address, topic_name) == [b"from", b"a file"]
    assert "No such file" in cli.refused("produce", topic_name, "--file", tmp_path / "absent")


def test_nothing_is_nothing(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    assert (
        cli("produce", topic_name, stdin=b"")
        == f"0 records acknowledged by {topic_name}\n".encode()
    )


def test_a_new_topic_is_made_and_told(cli, broker, topic_name):
    done = cli.run("produce", topic_name, stdin=b"first\n")
    assert done.returncode == 0
    assert (
        f"the topic {topic_name} did not exist and was made, with 1 partition"
        in done.stderr.decode()
    )
    assert values_in(broker.address, topic_name) == [b"first"]
    said = cli.refused("produce", topic_name + "-typo", "--no-create", stdin=b"first\n")
    assert "there is no topic" in said
    assert topic_name + "-typo" not in clients.admin(broker.address).list_topics(timeout=20).topics


def test_a_line_beyond_the_topics_limit_is_refused(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, max_message_bytes="5000")
    done = cli.run("produce", topic_name, stdin=b"small\n" + b"x" * 6000 + b"\nafter\n")
    assert done.returncode == 1
    assert (
        done.stdout
        == f"1 of 3 records acknowledged by {topic_name}: partition 0 from offset 0\n".encode()
    )
    said = f"{topic_name} partition 0 refused a batch of 1 record: "
    assert done.stderr.decode().startswith("millrace: " + said)
    assert values_in(broker.address, topic_name) == [b"small"]
    failed = cli.run("produce", topic_name, "--json", stdin=b"x" * 6000)
    assert json.loads(failed.stderr)["error"]["code"] == "message_too_large"
    tally = json.loads(failed.stdout)
    assert (tally["records"], tally["acknowledged"], tally["unacknowledged"]) == (1, 0, 1)


def test_many_lines_fit_a_topic_with_small_batches(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, max_message_bytes="5000")
    values = [b"%d" % number * 100 for number in range(1000)]
    cli("produce", topic_name, stdin=lines_of(values))
    assert values_in(broker.address, topic_name) == values


def test_lines_of_a_megabyte(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, max_message_bytes="8000000")
    values = [bytes([65 + number]) * 3_000_000 for number in range(5)]
    cli("produce", topic_name, stdin=lines_of(values))
    assert values_in(broker.address, topic_name) == values


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_levels_of_acknowledgement(cli, broker, topic_name, acks):
    clients.create_topic(broker.address, topic_name)
    said = cli("produce", topic_name, "--acks", acks, stdin=b"a\nb\n")
    assert (b"2 records sent" if acks == "0" else b"2 records acknowledged") in said
    wait_until(lambda: values_in(broker.address, topic_name) == [b"a", b"b"], "both records")


def test_a_batch_says_who_wrote_it_with_acks_all_alone(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli("produce", topic_name, stdin=b"a\n")
    cli("produce", topic_name, "--acks", "1", stdin=b"b\n")
    with wire.Connection(broker.address) as connection:
        stored = lambda: batches.headers(wire.fetch(connection, topic_name, 0, 0).records)
        wait_until(lambda: len(stored()) == 2, "the record that was answered before its flush")
        known, unknown = stored()
    assert known.producer_id >= 0 and unknown.producer_id == -1


def break_often(api_key, count):
    if api_key != wire.PRODUCE:
        return PASS
    return LOSE_ANSWER if count % 5 == 3 else CUT_REQUEST if count % 7 == 6 else PASS


def test_once_and_in_order_when_answers_are_lost(make_broker):
    broker = make_broker().start()
    clients.create_topic(broker.address, "numbers", partitions=3)
    lines = [b"%d:%06d%s" % (number % 11, number, b"x" * 1000) for number in range(20000)]
    with BreakingProxy(break_often) as proxy:
        proxy.target_port = broker.port
        done = Cli(proxy.address).json("produce", "numbers", "-K", ":", stdin=lines_of(lines))
        assert proxy.broken[LOSE_ANSWER] >= 5 and proxy.broken[CUT_REQUEST] >= 3, proxy.broken
    assert (done["acknowledged"], done["unacknowledged"]) == (20000, 0)
    found = clients.read_all(broker.address, "numbers", 3)
    for messages in found.values():
        written = {message.key() for message in messages}
        wanted = [line for line in lines if line.split(b":")[0] in written]
        assert [message.key() + b":" + message.value() for message in messages] == wanted
    assert sum(len(messages) for messages in found.values()) == len(lines)


def test_a_line_goes_out_before_the_input_ends(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    process = cli.start("produce", topic_name)
    for count in (1, 2):
        process.stdin.write(b"line %d\n" % count)
        process.stdin.flush()
        wait_until(
            lambda count=count: len(values_in(broker.address, topic_name)) == count, "the line"
        )
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and out.startswith(b"2 records acknowledged")


def test_an_interrupt_sends_what_was_read(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    process = cli.start("produce", topic_name)
    process.stdin.write(b"a\nb\n")
    process.stdin.flush()
    wait_until(lambda: len(values_in(broker.address, topic_name)) == 2, "both lines")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert process.stdout.read().startswith(b"2 records acknowledged")
    process.stdin.close()


def test_exactly_once_over_a_killed_broker(make_broker, tmp_path):
    broker = make_broker().start()
    clients.create_topic(broker.address, "ledger")
    process = Cli(broker.address).start("produce", "ledger", "--timeout", 30)
    values = [b"value %d" % number for number in range(30000)]
    third = len(values) // 3
    for part in range(3):
        process.stdin.write(lines_of(values[part * third : (part + 1) * third]))
        process.stdin.flush()
        if part < 2:
            wait_until(
                lambda part=part: len(values_in(broker.address, "ledger")) > part * third,
                "the part",
            )
            broker.restart(clean=False)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.startswith(b"30,000 records acknowledged"), out
    assert values_in(broker.address, "ledger") == values


def test_a_broker_that_stays_away_is_an_error(make_broker):
    broker = make_broker().start()
    clients.create_topic(broker.address, "ledger")
    process = Cli(broker.address).start("produce", "ledger", "--timeout", 1)
    process.stdin.write(b"first\n")
    process.stdin.flush()
    wait_until(lambda: len(values_in(broker.address, "ledger")) == 1, "the first line")
    broker.kill()
    out, err = process.communicate(b"second\n", timeout=30)
    assert process.returncode == 1
    assert out == b"1 of 2 records acknowledged by ledger: partition 0 from offset 0\n"
    assert b"nothing was acknowledged for 1 s" in err and b"no broker answers at" in err


def test_progress_is_shown_to_people(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    screen, terminal = pty.openpty()
    process = cli.start("produce", topic_name, stderr=terminal)
    os.close(terminal)
    shown = b""

    def progress():
        nonlocal shown
        process.stdin.write(b"line\n")
        process.stdin.flush()
        if b"a second" not in shown and readable(screen):
            shown += os.read(screen, 4096)
        return b"a second" in shown

    wait_until(progress, "the progress line")
    out, _ = process.communicate(timeout=30)
    os.close(screen)
    assert process.returncode == 0 and b"records acknowledged" in out and b"a second" not in out


def readable(descriptor):
    return bool(select.select([descriptor], [], [], 0)[0])


def test_no_progress_for_programs(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    process = cli.start("produce", topic_name)
    _, err = process.communicate(lines_of([b"line"] * 300000), timeout=60)
    assert process.returncode == 0 and err == b""
