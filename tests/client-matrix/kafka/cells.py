"""Which Kafka client runs which scenario, and why not where it doesn't."""

CLIENTS = ["java", "kafka-python", "aiokafka", "franz-go", "kafkajs"]

SCENARIOS = {
    "codec:none": "produce and consume, no compression",
    "codec:gzip": "the same with gzip",
    "codec:snappy": "the same with snappy",
    "codec:lz4": "the same with lz4",
    "codec:zstd": "the same with zstd",
    "idempotent": "idempotent producer",
    "group:range": "two members share and hand over, range",
    "group:roundrobin": "the same with round-robin",
    "group:sticky": "the same with sticky",
    "group:cooperative-sticky": "the same with cooperative sticky",
    "resume": "commit; a new member goes on there",
    "seek-offset": "seek to an offset",
    "seek-time": "offsets for times, seek to a time",
    "list-offsets": "earliest and latest offsets",
    "admin-topics": "create, list and describe topics",
    "admin-cluster": "describe the cluster",
    "admin-groups": "describe and delete groups",
    "admin-list-groups": "list groups",
    "admin-configs": "change and read a topic's settings",
    "admin-partitions": "add partitions",
    "admin-delete-records": "delete records before an offset",
    "admin-delete-topic": "delete a topic",
    "streams": "Kafka Streams counts words, restarts from its changelogs",
}

# (client, scenario): why the client has no such cell.
NOT_OFFERED = {
    ("aiokafka", "group:cooperative-sticky"): "its assignors are range, round-robin and sticky",
    ("kafkajs", "group:range"): "its only assignor is round-robin",
    ("kafkajs", "group:sticky"): "its only assignor is round-robin",
    ("kafkajs", "group:cooperative-sticky"): "its only assignor is round-robin",
    **{
        (client, "streams"): "Kafka Streams is a Java library"
        for client in CLIENTS
        if client != "java"
    },
}

# (client, scenario): the program that runs it in place of the client's own.
PROGRAMS = {("java", "streams"): "kafka-streams"}

# Scenarios that kill the broker.
OWN_BROKER = ()
