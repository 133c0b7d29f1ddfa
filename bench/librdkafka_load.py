"""Writes with librdkafka as fast as it takes records, and prints one line of JSON.

Runs in the environment of the client tests, which has confluent-kafka:
librdkafka_load.py --server HOST:PORT --topic NAME [--topics N] --size BYTES --seconds S [--set KEY=VALUE ...]

With --topics N the records go to NAME-0 .. NAME-(N-1), a few to each in turn. What is not set
is librdkafka's default. The clock starts when the topic's metadata are there.
"""

import argparse
import json
import random
import time

import confluent_kafka

AT_ONCE = 500  # records handed over in one call to one topic
AT_ONCE_OF_MANY = 10
FLUSH_WITHIN_S = 60


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--topics", type=int, default=0)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


class Load:
    def __init__(self, options):
        self.options = options
        self.errors = []
        self.producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": options.server,
                "acks": "all",
                "delivery.report.only.error": True,
                **dict(setting.split("=", 1) for setting in options.set),
            }
        )
        letters = random.Random(1)
        self.values = [
            bytes(letters.choices(range(65, 91), k=options.size)) for _ in range(AT_ONCE)
        ]
        if options.topics:
            self.topics = [f"{options.topic}-{number}" for number in range(options.topics)]
            self.at_once = AT_ONCE_OF_MANY
        else:
            self.topics = [options.topic]
            self.at_once = AT_ONCE

    def on_delivery(self, error, _message):
        if error is not None:
            self.errors.append(str(error))

    def hand_over(self, topic):
        """A few records to one topic; waits while the queue is full. How many were taken."""
        messages = [{"value": value} for value in self.values[: self.at_once]]
        taken = self.producer.produce_batch(topic, messages, on_delivery=self.on_delivery)
        if taken < len(messages):
            refused = {str(each["_error"].name()) for each in messages if "_error" in each}
            if refused - {"_QUEUE_FULL"}:
                raise RuntimeError(f"librdkafka refused records: {', '.join(sorted(refused))}")
            self.producer.poll(0.002)
        return taken

    def run(self):
        self.producer.list_topics(self.topics[0], timeout=30)
        records = turn = 0
        begun = time.monotonic()
        while time.monotonic() - begun < self.options.seconds and not self.errors:
            records += self.hand_over(self.topics[turn % len(self.topics)])
            turn += 1
            if turn % 100 == 0:
                self.producer.poll(0)
        left = self.producer.flush(FLUSH_WITHIN_S)
        took = time.monotonic() - begun
        if left or self.errors:
            raise RuntimeError(f"{left} records unanswered, {len(self.errors)} refused: {self.errors[:1]}")
        return {"records": records, "bytes": records * self.options.size, "seconds": took}


if __name__ == "__main__":
    print(json.dumps(Load(arguments()).run()))
