"""What drive.py must know of Kafka: the broker, how programs are told of it, what it keeps."""

import stored
from support import broker, wire

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


def new_broker(folder):
    return broker.new_broker(folder)


def arguments(server):
    """What a client's program is called with, besides scenario and name."""
    return ["--bootstrap", server.address]


def facts(server):
    """What of the broker the checks are to know."""
    with wire.Connection(server.address) as connection:
        (node,) = wire.metadata(connection, []).brokers
    return {"address": server.address, "node": node}


def waiting(server):
    """{scenario: names of APIs} of what cannot run at a broker that does not advertise them."""
    with wire.Connection(server.address) as connection:
        advertised = wire.api_versions(connection)
    missing = {
        scenario: ", ".join(api for key, api in needs.items() if key not in advertised)
        for scenario, needs in NEEDS.items()
    }
    return {scenario: apis for scenario, apis in missing.items() if apis}


def check_kept(scenario, cell):
    """What the broker keeps, whatever the client believes it sent."""
    if cell.variant and scenario.startswith("codec:"):
        stored.check_codec(cell.address, cell.name, cell.variant)
    if scenario == "idempotent":
        stored.check_idempotent(cell.address, cell.name)
