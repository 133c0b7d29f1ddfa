"""What the result of each scenario must be, whichever client it comes from.

A check takes the result and raises AssertionError.
"""

import hashlib
import re
import zlib

from verdict import same

PROPERTIES = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "delivery_mode": 2,
    "priority": 5,
    "correlation_id": "the correlation",
    "reply_to": "the reply queue",
    "expiration": "600000",
    "message_id": "the message",
    "timestamp": 1_700_000_000,
    "type": "the type",
    "user_id": "guest",
    "app_id": "the application",
}

# By the letter that is the header's name and its type in the frame. Bytes are written in hex.
HEADERS = {
    "t": True,
    "b": -5,
    "B": 250,
    "s": -300,
    "u": 65_000,
    "I": -70_000,
    "i": 4_000_000_000,
    "l": 1 << 40,
    "f": 1.5,
    "d": 0.1,
    "D": "123.45",
    "S": "grün",
    "A": ["a", 7, True],
    "T": 1_700_000_000,
    "F": {"deep": {"x": "y"}},
    "V": None,
    "x": "00ff10",
}

# Which of these the client can write, and how it tells their types when it reads them.
TYPES = {
    "java": {
        "t": "Boolean",
        "b": "Byte",
        "s": "Short",
        "I": "Integer",
        "l": "Long",
        "f": "Float",
        "d": "Double",
        "D": "BigDecimal",
        "S": "LongString",
        "A": "List",
        "T": "Date",
        "F": "Map",
        "V": "null",
        "x": "byte[]",
    },
    "aio-pika": {
        **{"t": "bool", "f": "float", "D": "Decimal", "S": "str", "A": "list", "x": "bytearray"},
        **{letter: "int" for letter in "bsuIil"},
        **{"T": "datetime", "F": "dict", "V": "NoneType"},
    },
    "amqp091-go": {
        "t": "bool",
        "b": "int8",
        "B": "uint8",
        "s": "int16",
        "u": "uint16",
        "I": "int32",
        "i": "uint32",
        "l": "int64",
        "f": "float32",
        "d": "float64",
        "D": "amqp091.Decimal",
        "S": "string",
        "A": "[]interface {}",
        "T": "time.Time",
        "F": "amqp091.Table",
        "V": "<nil>",
        "x": "[]uint8",
    },
    "amqplib": {
        **{letter: "number" for letter in "bBsuIilfd"},
        **{"t": "boolean", "S": "string", "V": "null", "A": "Array", "F": "Object", "x": "Buffer"},
        **{"D": "decimal", "T": "timestamp"},
    },
    "librabbitmq": {letter: letter for letter in HEADERS},
}


def bodies(count):
    return [f"m-{i}" for i in range(count)]


def check_properties(cell, result):
    same(result["body"], "the body", "body")
    same(result["exchange"], "", "exchange")
    same(result["key"], cell.name, "routing key")
    same(result["properties"], PROPERTIES, "properties")
    types = TYPES[cell.client]
    expected = {letter: [types[letter], HEADERS[letter]] for letter in types}
    same(result["headers"], expected, "headers")


def check_publish(_cell, result):
    same(result["confirmed"], 200, "confirmed messages")
    same(result["ready"], 200, "messages in the queue then")
    same(result["bodies"], bodies(200), "bodies")


def check_mandatory(cell, result):
    returned = [312, "NO_ROUTE", "amq.direct", cell.name, "unroutable"]
    same(result["returned"], returned, "the returned message")
    if cell.client != "aio-pika":  # which drops a return that comes after the confirm
        same(result["order"], ["return", "confirm"], "order")


def check_prefetch(_cell, result):
    same(result["first"], bodies(5), "delivered at first")
    same(result["ready"], 15, "messages in the queue then")
    same(result["all"], bodies(20), "bodies")
    same(result["left"], 0, "messages left when the channel is closed")


def check_requeue(_cell, result):
    expected = [["a", False], ["a", True], ["b", False], ["b", True]]
    same(result["seen"], expected, "deliveries and their mark")
    same(result["left"], 0, "messages left when the channel is closed")


def check_death(cell, result, reason):
    same(result["body"], "spoiled", "body")
    same(result["exchange"], cell.name + "-dlx", "exchange of the dead letter")
    same(result["key"], "dead", "its routing key")
    same(result["kept"], "a header", "its own header")
    (death,) = result["deaths"]
    same(result["minutes"], 0, "whole minutes since then")
    expected = {
        "count": 1,
        "reason": reason,
        "queue": cell.name,
        "exchange": "",
        "routing-keys": [cell.name],
    }
    if reason == "expired":
        expected["original-expiration"] = "50"
    same(death, expected, "x-death")
    same(result["first"], [reason, cell.name, ""], "x-first-death-reason, -queue, -exchange")


def check_dead_letter(cell, result):
    check_death(cell, result, "rejected")


def check_ttl(cell, result):
    check_death(cell, result, "expired")
    same(result["expiration"], None, "its expiration")
    same(result["ready"], 1, "messages in the queue that live longer")


def check_get(_cell, result):
    expected = [["m-0", 2, False], ["m-1", 1, False], ["m-2", 0, False], None]
    same(result["got"], expected, "body, messages left, redelivered")


def check_topic(_cell, result):
    same(result["orange"], ["quick.orange.rabbit", "lazy.orange.elephant"], "*.orange.*")
    rabbits = ["quick.orange.rabbit", "lazy.orange.elephant", "lazy", "lazy.pink.rabbit", "rabbit"]
    same(result["rabbits"], rabbits, "#.rabbit and lazy.#")
    everything = [
        "quick.orange.rabbit",
        "lazy.orange.elephant",
        "quick.brown.fox",
        "lazy",
        "lazy.pink.rabbit",
        "rabbit",
    ]
    same(result["everything"], everything, "by way of another exchange")
    same(result["unbound"], ["tame.rabbit"], "#.rabbit without lazy.#")


def check_headers(_cell, result):
    same(result["all"], ["both", "more"], "matching all")
    same(result["any"], ["both", "more", "pdf", "pages"], "matching any")


def check_server_named(_cell, result):
    assert re.fullmatch(r"amq\.gen-[\w-]{22}", result["queue"]), result["queue"]
    same(result["other"], 405, "what another connection is told")
    same(result["body"], "hello", "body")
    same(result["after"], 404, "after its consumer went")


def check_transaction(_cell, result):
    # published, committed, published and rolled back, taken and rolled back, taken and committed
    same(result["ready"], [0, 2, 2, 2, 1], "messages in the queue")
    same(result["redelivered"], True, "mark of what was taken in the rolled back transaction")


def check_cancel_notify(_cell, result):
    same(result["cancelled"], ["the-consumer"], "cancelled consumers")


def big_body():
    return bytes(range(256)) * (5 * 1024 * 1024 // 256)


def check_big(cell, result):
    body = big_body()
    same(result["bytes"], len(body), "bytes")
    if cell.client == "librabbitmq":
        same(result["crc32"], zlib.crc32(body), "checksum")
    else:
        same(result["sha256"], hashlib.sha256(body).hexdigest(), "checksum")


def check_channel_error(cell, result):
    missing = f"NOT_FOUND - no queue '{cell.name}-missing' in vhost '/'"
    same(result["missing"], [404, missing], "a queue that is not there")
    differs = (
        f"PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{cell.name}' in vhost '/': "
        "received 'false' but current is 'true'"
    )
    same(result["differs"], [406, differs], "a queue declared otherwise")
    same(result["body"], "alive", "on the same connection")


def check_heartbeat(_cell, result):
    same(result["negotiated"], 1, "seconds")
    same(result["alive"], True, "alive after silence")


def check_recovery(_cell, result):
    same(result["kept"], "before", "what was confirmed before the kill")
    same(result["consumed"], "after", "delivered to the consumer from before")
    same(result["routed"], "routed", "by way of the exclusive queue and its binding")


def check_task_retry(_cell, result):
    same(result["result"], "well after 2 retries", "result")
    same(result["attempts"], [0, 1, 2], "attempts")
    same(result["early"], 0, "attempts before they were due")
    same(result["ended"], 0, "the worker's exit status")


def check_task_eta(_cell, result):
    waiting = ["countdown-0", "countdown-1", "eta"]
    same(result["order"], ["now", *waiting], "order of execution")
    same(result["early"], [], "tasks before they were due")
    same(result["results"], [*waiting, "now"], "results")
    same(result["ended"], 0, "the worker's exit status")


def check_task_late(_cell, result):
    same(result["result"], "done", "result")
    same(result["redelivered"], [False, True], "mark of the deliveries")
    same(result["processes"], 2, "processes that began it")
    same(result["ended"], 0, "the second worker's exit status")


def check_task_group(_cell, result):
    same(result["sums"], [2 * i for i in range(10)], "results of the group")
    same(result["chained"], 15, "result of the chain")
    same(result["refused"], "not today", "text of the task's error")
    same(result["ended"], 0, "the worker's exit status")


def check_task_control(cell, result):
    same(result["pong"], {f"one@{cell.name}": {"ok": "pong"}}, "answer to ping")
    same(result["queues"], [cell.name], "queues of the worker")
    same(result["revoked"], True, "in the list of revoked tasks")
    same(result["said"], ["here"], "executed")
    events = ["received", "received", "revoked", "started", "succeeded"]
    same(result["events"], [f"task-{event}" for event in events], "events")
    same(result["ended"], 0, "the worker's exit status")


def check_task_recovery(_cell, result):
    same(result["before"], 3, "result before the kill")
    same(result["said"], ["after", "later"], "executed after it")
    same(result["ended"], 0, "the worker's exit status")
