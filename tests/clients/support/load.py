"""A producing program of its own, for the kill test: writes down every answer it gets.

    python -m support.load BOOTSTRAP TOPIC PARTITIONS NAME MODE LOG [SETTING=VALUE]...    runs until SIGTERM

Settings are those of librdkafka, and records.per.second (of the whole producer; as fast as it can without).

Log lines:  "a PARTITION NUMBER OFFSET"   record NUMBER was answered with OFFSET
            "f PARTITION NUMBER CODE"     was answered with an error
            "s PARTITION COUNT"           at the end: so many were produced to the partition
"""

import signal
import sys
import time

from confluent_kafka import Producer

MODES = {
    # retries stay in order because a plain producer has one request in flight
    "idempotent": {"enable.idempotence": True, "acks": "all"},
    "acks=all": {"acks": "all", "max.in.flight.requests.per.connection": 1},
    "acks=1": {"acks": "1", "max.in.flight.requests.per.connection": 1},
}
BURST = 30  # records per partition between two polls
PAUSE_S = 0.02


def payload(name, partition, number):
    """What record `number` of this producer says; its length varies with the number."""
    return f"{name} {partition} {number} ".encode() + b"%d" % (number * 7919) * (number % 40)


def main(bootstrap, topic, partitions, name, mode, log_path, *settings):
    settings = dict(setting.split("=", 1) for setting in settings)
    rate = float(settings.pop("records.per.second", "inf"))
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    with open(log_path, "w", buffering=1 << 16) as log:

        def report(error, message):
            number = int(message.key())
            line = (
                f"a {message.partition()} {number} {message.offset()}\n"
                if error is None
                else f"f {message.partition()} {number} {error.code()}\n"
            )
            log.write(line)

        producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "linger.ms": 2,
                "message.timeout.ms": 120000,
                "batch.num.messages": 100,
                "reconnect.backoff.ms": 10,
                "retry.backoff.ms": 10,
                "reconnect.backoff.max.ms": 100,
                "retry.backoff.max.ms": 50,
                "log_level": 2,
                "topic.metadata.refresh.fast.interval.ms": 50,
                **MODES[mode],
                **settings,
            }
        )
        number = 0
        begun = time.monotonic()
        while not stopping:
            is_due = number * partitions <= rate * (time.monotonic() - begun)
            if is_due and len(producer) < 2000:
                for number in range(number, number + BURST):
                    for partition in range(partitions):
                        producer.produce(
                            topic,
                            payload(name, partition, number),
                            key=str(number),
                            partition=partition,
                            on_delivery=report,
                        )
                number += 1
            producer.poll(PAUSE_S)
            log.flush()
        unanswered = producer.flush(60)
        for partition in range(partitions):
            log.write(f"s {partition} {number}\n")
    sys.exit(1 if unanswered else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
