"""Which AMQP 0-9-1 client runs which scenario, and why not where it doesn't."""

CLIENTS = ["java", "aio-pika", "amqp091-go", "amqplib", "librabbitmq", "celery"]

SCENARIOS = {
    "properties": "a confirmed message comes back with all its properties and headers of every type",
    "publish": "200 persistent messages, confirmed, read in order",
    "mandatory": "an unroutable message comes back before its confirm",
    "prefetch": "five unacknowledged at a time, acknowledged five at a time",
    "requeue": "nack and reject give back, with the redelivered mark",
    "dead-letter": "a rejected message and its `x-death`",
    "ttl": "an expired message and its `x-death`",
    "get": "`basic.get` until the queue is empty",
    "topic": "topic bindings, unbinding, an exchange bound to an exchange",
    "headers": "headers exchange, all and any",
    "server-named": "a server-named exclusive auto-delete queue",
    "transaction": "commit and rollback of publishes and acknowledgements",
    "cancel-notify": "the consumer hears that its queue was deleted",
    "big": "a body of 5 MB",
    "channel-error": "refusals close the channel, not the connection",
    "heartbeat": "a heartbeat of one second keeps an idle connection",
    "recovery": "connection, topology and consumers are there again after `kill -9` of the broker",
    "task-retry": "a task that fails twice is retried with a countdown",
    "task-eta": "tasks with countdown and ETA run when due, others pass them",
    "task-late": "a task whose worker is killed is executed by another worker",
    "task-group": "a group's results by way of `rpc://`",
    "task-control": "`ping` of workers, revoking a task, their events",
    "task-recovery": "a worker goes on after `kill -9` of the broker",
}

OWN_BROKER = ("recovery", "task-recovery")

PROGRAMS = {}


def is_task(scenario):
    return scenario.startswith("task-")


# (client, scenario): why the client has no such cell.
NOT_OFFERED = {
    **{
        (client, scenario): "Celery gives and takes tasks, the others messages"
        for client in CLIENTS
        for scenario in SCENARIOS
        if (client == "celery") != is_task(scenario)
    },
    ("amqplib", "transaction"): "it has no transactions",
    ("librabbitmq", "recovery"): "it leaves reconnecting to the application",
}
