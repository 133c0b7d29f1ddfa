"""Requests of administration by hand, for what the real client can't ask or refuses to.

    error, _ = alter_configs(connection, TOPIC, "orders", [("retention.ms", "1000")])

The newer ones are flexible: compact lengths and tagged fields.
"""

from types import SimpleNamespace

from support.wire import array, i8, i16, i32, i64, string

DELETE_TOPICS, DELETE_RECORDS, DESCRIBE_CONFIGS, ALTER_CONFIGS = 20, 21, 32, 33
DESCRIBE_LOG_DIRS, CREATE_PARTITIONS, ELECT_LEADERS, INCREMENTAL_ALTER_CONFIGS = 35, 37, 43, 44
DESCRIBE_PRODUCERS, LIST_CONFIG_RESOURCES, DESCRIBE_TOPIC_PARTITIONS = 61, 74, 75

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32  # kinds of resources
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3  # what to do with a config

NO_ID = bytes(16)
TAGS = b"\0"  # no tagged fields


def uvarint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + uvarint(number >> 7)


def compact_string(text):
    return uvarint(0) if text is None else uvarint(len(text.encode()) + 1) + text.encode()


def compact_array(items):
    return uvarint(len(items) + 1) + b"".join(items)


class FlexibleReader:
    """Reads the body of a flexible answer; the numbers are those of the plain reader below it."""

    def __init__(self, reader):
        self.plain = reader
        self.tags()  # of the header

    def __getattr__(self, name):
        return getattr(self.plain, name)

    def tags(self):
        assert self.plain.i8() == 0, "tagged fields are not expected"

    def uvarint(self):
        number, shift = 0, 0
        while True:
            byte = self.plain.take("B")
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def string(self):
        return self.plain.sized(self.uvarint() - 1, bytes.decode)

    def uuid(self):
        return self.plain.sized(16, bytes)

    def array(self, read):
        count = self.uvarint() - 1
        return None if count < 0 else [read() for _ in range(count)]

    def end(self):
        self.tags()
        assert self.plain.at_end(), "more than the answer"


def flexible(connection, api_key, version, body):
    return FlexibleReader(connection.request(api_key, version, TAGS + body + TAGS))


def only(items):
    (item,) = items
    return item


def delete_topics(connection, *names):
    """[(name, error)] of a DeleteTopics v3."""
    body = array([string(name) for name in names]) + i32(15000)
    reader = connection.request(DELETE_TOPICS, 3, body)
    _throttle = reader.i32()
    return reader.array(lambda: (reader.string(), reader.i16()))


def delete_topics_by(connection, *topics):
    """[(name, id, error)] of a DeleteTopics v6 for [(name or None, id)]."""
    items = [compact_string(name) + topic_id + TAGS for name, topic_id in topics]
    reader = flexible(connection, DELETE_TOPICS, 6, compact_array(items) + i32(15000))
    _throttle = reader.i32()

    def topic():
        name, topic_id, error = reader.string(), reader.uuid(), reader.i16()
        message = reader.string()
        assert bool(message) == bool(error)
        reader.tags()
        return name, topic_id, error

    found = reader.array(topic)
    reader.end()
    return found


def create_partitions(connection, topic, count, assignments=None, validate_only=False, times=1):
    """(error, message) of a CreatePartitions v1; `assignments` is a list of lists of brokers."""
    given = i32(-1)
    if assignments is not None:
        given = array([array([i32(node) for node in nodes]) for nodes in assignments])
    item = string(topic) + i32(count) + given
    body = array([item] * times) + i32(15000) + i8(validate_only)
    reader = connection.request(CREATE_PARTITIONS, 1, body)
    _throttle = reader.i32()
    answers = reader.array(lambda: (reader.string(), reader.i16(), reader.string()))
    assert reader.at_end() and len({answer[1] for answer in answers}) == 1
    return answers[0][1:]


def delete_records(connection, topic, partition, before):
    """(error, low watermark) of a DeleteRecords v1."""
    body = array([string(topic) + array([i32(partition) + i64(before)])]) + i32(15000)
    reader = connection.request(DELETE_RECORDS, 1, body)

    def answer():
        _index, low_watermark, error = reader.i32(), reader.i64(), reader.i16()
        return error, low_watermark

    _throttle = reader.i32()
    _name, answers = only(reader.array(lambda: (reader.string(), reader.array(answer))))
    return only(answers)


def describe_configs(connection, kind, name, keys=None, synonyms=False):
    """(error, {config: .value .read_only .source .synonyms}) of a DescribeConfigs v1."""
    wanted = i32(-1) if keys is None else array([string(key) for key in keys])
    body = array([i8(kind) + string(name) + wanted]) + i8(synonyms)
    reader = connection.request(DESCRIBE_CONFIGS, 1, body)

    def config():
        name, value, read_only, source = reader.string(), reader.string(), reader.i8(), reader.i8()
        _sensitive = reader.i8()
        found = reader.array(lambda: (reader.string(), reader.string(), reader.i8()))
        return name, SimpleNamespace(
            value=value, read_only=bool(read_only), source=source, synonyms=found
        )

    def resource():
        error, message = reader.i16(), reader.string()
        assert (reader.i8(), reader.string()) == (kind, name)
        return error, dict(reader.array(config))

    _throttle = reader.i32()
    return only(reader.array(resource))


def altered(reader, count):
    """The (error, message) of the one resource that was asked for `count` times."""
    _throttle = reader.i32()

    def resource():
        answer = reader.i16(), reader.string()
        _kind, _name = reader.i8(), reader.string()
        return answer

    answers = reader.array(resource)
    assert reader.at_end() and len({error for error, _ in answers}) == 1
    # Kafka answers for a resource that was named twice once, in place of both
    assert len(answers) in (1, count)
    return answers[0]


def alter_configs(connection, kind, name, configs, validate_only=False, times=1):
    """(error, message) of an AlterConfigs v1 for [(config, value)]."""
    items = [string(key) + string(value) for key, value in configs]
    body = array([i8(kind) + string(name) + array(items)] * times) + i8(validate_only)
    return altered(connection.request(ALTER_CONFIGS, 1, body), times)


def incremental_alter_configs(connection, kind, name, changes, validate_only=False, times=1):
    """(error, message) of an IncrementalAlterConfigs v0 for [(config, operation, value)]."""
    items = [string(key) + i8(operation) + string(value) for key, operation, value in changes]
    body = array([i8(kind) + string(name) + array(items)] * times) + i8(validate_only)
    return altered(connection.request(INCREMENTAL_ALTER_CONFIGS, 0, body), times)


def describe_log_dirs(connection, topics=None):
    """{topic: {partition: bytes}} of a DescribeLogDirs v1 for {topic: [partition]}."""
    wanted = i32(-1)
    if topics is not None:
        wanted = array(
            [string(name) + array([i32(index) for index in parts]) for name, parts in topics.items()]
        )
    reader = connection.request(DESCRIBE_LOG_DIRS, 1, wanted)

    def partition():
        index, size, lag, future = reader.i32(), reader.i64(), reader.i64(), reader.i8()
        assert (lag, future) == (0, 0)
        return index, size

    def log_dir():
        error, name = reader.i16(), reader.string()
        assert error == 0 and name
        return dict(reader.array(lambda: (reader.string(), dict(reader.array(partition)))))

    _throttle = reader.i32()
    return only(reader.array(log_dir))


def disk_space(connection):
    """(total, usable) bytes that a DescribeLogDirs v4 tells of the one directory."""
    reader = flexible(connection, DESCRIBE_LOG_DIRS, 4, compact_array([]))
    _throttle, error, directories = reader.i32(), reader.i16(), reader.uvarint() - 1
    assert (error, directories) == (0, 1)
    error, _name, topics = reader.i16(), reader.string(), reader.uvarint() - 1
    assert (error, topics) == (0, 0)
    return reader.i64(), reader.i64()


def elect_leaders(connection, topics, election_type=0):
    """(error, {(topic, partition): error}) of an ElectLeaders v1 for {topic: [partition]} or None."""
    wanted = i32(-1)
    if topics is not None:
        wanted = array(
            [string(name) + array([i32(index) for index in parts]) for name, parts in topics.items()]
        )
    body = i8(election_type) + wanted + i32(15000)
    reader = connection.request(ELECT_LEADERS, 1, body)

    def partition():
        index, error, _message = reader.i32(), reader.i16(), reader.string()
        return index, error

    _throttle, error = reader.i32(), reader.i16()
    topics = reader.array(lambda: (reader.string(), reader.array(partition)))
    assert reader.at_end()
    return error, {(name, index): code for name, found in topics for index, code in found}


def describe_producers(connection, topic, partition):
    """(error, {producer id: .epoch .last_sequence .last_timestamp}) of a DescribeProducers v0."""
    item = compact_string(topic) + compact_array([i32(partition)]) + TAGS
    reader = flexible(connection, DESCRIBE_PRODUCERS, 0, compact_array([item]))

    def producer():
        producer_id, epoch, sequence = reader.i64(), reader.i32(), reader.i32()
        timestamp, _coordinator_epoch, transaction = reader.i64(), reader.i32(), reader.i64()
        assert transaction == -1
        reader.tags()
        return producer_id, SimpleNamespace(
            epoch=epoch, last_sequence=sequence, last_timestamp=timestamp
        )

    def answer():
        _index, error, _message = reader.i32(), reader.i16(), reader.string()
        found = dict(reader.array(producer))
        reader.tags()
        return error, found

    def answered_topic():
        _name, answers = reader.string(), reader.array(answer)
        reader.tags()
        return only(answers)

    _throttle = reader.i32()
    found = only(reader.array(answered_topic))
    reader.end()
    return found


def list_config_resources(connection, kinds=()):
    """(error, {(kind, name)}) of a ListConfigResources v1."""
    reader = flexible(
        connection, LIST_CONFIG_RESOURCES, 1, compact_array([i8(kind) for kind in kinds])
    )

    def resource():
        name, kind = reader.string(), reader.i8()
        reader.tags()
        return kind, name

    _throttle, error = reader.i32(), reader.i16()
    found = reader.array(resource)
    reader.end()
    return error, set(found)


def describe_topic_partitions(connection, names, limit=2000, cursor=None):
    """(topics, next cursor) of a DescribeTopicPartitions v0; a cursor is (topic, partition) or None.

    Each topic is .name .error .id .partitions [index], each partition led by one broker, in sync with itself.
    """
    start = i8(-1)
    if cursor is not None:
        start = i8(1) + compact_string(cursor[0]) + i32(cursor[1]) + TAGS
    items = [compact_string(name) + TAGS for name in names]
    body = compact_array(items) + i32(limit) + start
    reader = flexible(connection, DESCRIBE_TOPIC_PARTITIONS, 0, body)

    def partition():
        error, index, leader, epoch = reader.i16(), reader.i32(), reader.i32(), reader.i32()
        replicas, in_sync, eligible, last_known, offline = (
            reader.array(reader.i32) for _ in range(5)
        )
        assert error == 0 and replicas == in_sync == [leader] and epoch >= 0
        assert not eligible and not last_known and not offline
        reader.tags()
        return index

    def topic():
        error, name, topic_id, internal = (
            reader.i16(),
            reader.string(),
            reader.uuid(),
            reader.i8(),
        )
        partitions, _operations = reader.array(partition), reader.i32()
        assert not internal or name.startswith("__")  # as Kafka has
        reader.tags()
        return SimpleNamespace(name=name, error=error, id=topic_id, partitions=partitions)

    _throttle = reader.i32()
    topics = reader.array(topic)
    following = None
    if reader.i8() >= 0:
        following = reader.string(), reader.i32()
        reader.tags()
    reader.end()
    return topics, following
