"""What drive.py must know of AMQP: the broker, how programs are told of it."""

import os

from support import broker


def new_broker(folder):
    if os.environ.get("MILLRACE_TEST_PEER") == "rabbitmq":
        from rabbit_peer import RabbitBroker

        return RabbitBroker(folder)
    return broker.new_broker(folder, amqp=True)


def arguments(server):
    """What a client's program is called with, besides scenario and name."""
    return ["--address", server.amqp]


def facts(server):
    """What of the broker the checks are to know."""
    return {"address": server.amqp}


def waiting(_server):
    """Nothing has to wait for something that the broker has yet to learn."""
    return {}


def check_kept(_scenario, _cell):
    """All there is to see the clients see."""
