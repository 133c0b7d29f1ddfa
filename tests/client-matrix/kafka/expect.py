"""What the result of each scenario must be, whichever client it comes from.

A check takes the result and raises AssertionError.
"""

import os
import re

from verdict import same

FIRST_TIME = 1_700_000_000_000


def codec_record(i, offset):
    return {
        "partition": i % 2,
        "offset": offset,
        "timestamp": FIRST_TIME + 1000 * i,
        "key": None if i % 10 == 3 else f"key-{i}",
        "value": None if i % 10 == 7 else f"value-{i}-" + "abcdefgh" * 20,
        "headers": [["n", str(i)], ["n", "again"], ["empty", ""]],
    }


def check_codec(_cell, result):
    for partition in (0, 1):
        found = [record for record in result["records"] if record["partition"] == partition]
        same(len(found), 50, f"records of partition {partition}")
        for offset, record in enumerate(found):
            same(record, codec_record(2 * offset + partition, offset), f"{partition}/{offset}")
    same(len(result["records"]), 100, "records")


def check_idempotent(_cell, result):
    same(result["offsets"], list(range(500)), "offsets")
    same(result["values"], [f"value-{i}" for i in range(500)], "values")


def check_group(cell, result):
    same(result["shares"], [[6], [3, 3], [6]], "partitions of the members")
    phases = ("alone", "two", "again")
    expected = [f"{phase}-{part}-{i}" for phase in phases for part in range(6) for i in range(10)]
    same(result["values"], sorted(expected), "values")
    same(result["duplicates"], 0, "records read twice")
    same(result["committed"], [30] * 6, "committed offsets")
    if cell.client == "kafkajs":  # which tells nothing of revoked partitions
        same(result["revoked"], None, "revoked partitions")
    else:
        expected = 3 if cell.variant.startswith("cooperative") else 6
        same(result["revoked"], expected, "partitions taken from the first by the second")


def check_resume(_cell, result):
    same(result["offsets"], list(range(8, 20)), "offsets read by the second member")
    same(result["committed"], 8, "committed offset")
    same(result["note"], "a note", "its metadata")


def check_seek_offset(_cell, result):
    same(result["found"], [[42, "value-42"], [7, "value-7"]], "records at the offsets")


def check_seek_time(cell, result):
    same(result["offsets"][:3], [30, 31, 0], "offsets for times")
    # Nothing is that young: the protocol has no offset for it, some clients say the end.
    nothing = 50 if cell.client in ("franz-go", "kafkajs") else None
    same(result["offsets"][3:], [nothing], "offset after the last")
    same(result["first"], "value-30", "the first record since")


def check_list_offsets(_cell, result):
    same(result["earliest"], [0, 0], "earliest offsets")
    same(result["latest"], [50, 0], "latest offsets")


def check_admin_topics(cell, result):
    same(result["again"], 36, "error of a second creation")  # TOPIC_ALREADY_EXISTS
    if cell.client != "aiokafka":  # which creates what it asks for
        same(result["unknown"], 3, "error of an unknown topic")  # UNKNOWN_TOPIC_OR_PARTITION
    expected = [[partition, cell.node, [cell.node]] for partition in range(3)]
    same(result["partitions"], expected, "partition, leader, replicas")
    same(result["listed"], True, "in the list of topics")


def check_admin_cluster(cell, result):
    same(result["nodes"], [[cell.node, cell.address]], "nodes")
    same(result["controller"], cell.node, "controller")
    assert re.fullmatch(r"[\w-]{22}", result["cluster"]), f"cluster id {result['cluster']!r}"


def check_admin_groups(cell, result):
    live = {"state": "Stable", "assignor": "range", "members": [["the-member", [0, 1]]]}
    if cell.client == "kafkajs":
        live["assignor"] = "RoundRobinAssigner"
    same(result["live"], live, "group with a member")
    same(result["empty"], {"state": "Empty", "assignor": "", "members": []}, "group without")
    same(result["committed"], 5, "committed offset")
    if cell.client == "aiokafka":  # which cannot delete groups
        same(set(result), {"live", "empty", "committed"}, "answers")
        return
    same(result["delete_live"], 68, "error of deleting it with a member")  # NON_EMPTY_GROUP
    same(result["delete_empty"], 0, "error of deleting it without")
    same(result["committed_after"], None, "committed offset of a deleted group")


def check_admin_list_groups(cell, result):
    same(result["found"], [[cell.name, "consumer"]], "the group in the list")


def check_admin_configs(_cell, result):
    same(result["value"], "7200000", "the changed setting")


def check_admin_partitions(_cell, result):
    same(result["partitions"], 3, "partitions after adding two")


def check_admin_delete_records(_cell, result):
    same(result["earliest"], 20, "earliest offset")
    same(result["latest"], 50, "latest offset")


def check_admin_delete_topic(_cell, result):
    same(result["before"], True, "in the list before")
    same(result["after"], False, "in the list afterwards")


def check_streams(_cell, result):
    # 60 lines in each of two lives: "every word-N", N going round from 0 to 6.
    counts = {"every": 120, **{f"word-{i}": 2 * len(range(i, 60, 7)) for i in range(7)}}
    expected = {
        f"{store} {word}": str(count) for store in ("out", "hours") for word, count in counts.items()
    }
    same(result["counts"], expected, "last counts told")
    asked = "1" if os.environ.get("MILLRACE_TEST_PEER") else "2"
    topics = {
        "words-repartition": [2, "delete", asked],
        "counts-changelog": [2, "compact", asked],
        "hours-changelog": [2, "compact,delete", asked],
    }
    same(result["topics"], topics, "partitions, policy and replicas asked for of its own topics")
