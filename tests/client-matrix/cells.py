"""Which client runs which scenario, and why not where it doesn't. The README's table is made here.

    python3 cells.py        prints the table
"""

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

# What a scenario needs beyond the APIs that the broker has always served. As long as the broker
# does not advertise one of them, the cells wait; from then on they run.
NEEDS = {
    "admin-list-groups": {16: "ListGroups"},
    "admin-configs": {32: "DescribeConfigs", 33: "AlterConfigs", 44: "IncrementalAlterConfigs"},
    "admin-partitions": {37: "CreatePartitions"},
    "admin-delete-records": {21: "DeleteRecords"},
    "admin-delete-topic": {20: "DeleteTopics"},
    "streams": {21: "DeleteRecords", 32: "DescribeConfigs"},
}


def cells():
    """(client, scenario) of all there are."""
    return [
        (client, scenario)
        for client in CLIENTS
        for scenario in SCENARIOS
        if (client, scenario) not in NOT_OFFERED
    ]


def waiting(advertised):
    """{scenario: names of APIs} of what cannot run at a broker that advertises these keys."""
    missing = {
        scenario: ", ".join(api for key, api in needs.items() if key not in advertised)
        for scenario, needs in NEEDS.items()
    }
    return {scenario: apis for scenario, apis in missing.items() if apis}


def table():
    """The table of the README, and the reasons below it."""
    reasons = list(dict.fromkeys(NOT_OFFERED.values()))
    lines = ["| scenario | " + " | ".join(CLIENTS) + " |", "| --- " * (len(CLIENTS) + 1) + "|"]
    for scenario, meaning in SCENARIOS.items():
        row = [f"`{scenario}`: {meaning}"]
        for client in CLIENTS:
            reason = NOT_OFFERED.get((client, scenario))
            if reason:
                row.append(f"n/a ({reasons.index(reason) + 1})")
            else:
                row.append("yes")
        lines.append("| " + " | ".join(row) + " |")
    lines.append("")
    lines += [f"({number}) {reason}." for number, reason in enumerate(reasons, 1)]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
