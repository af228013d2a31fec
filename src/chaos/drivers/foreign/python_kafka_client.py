"""python3-kafka (kafka-python 2.0.2) as a process; lines.ts says what it is asked."""

import sys
import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from lines import Commands, Task, answer, decode, error_text, serve

task = Task(sys.argv)

COMMON = {
    "bootstrap_servers": task.bootstrap.split(","),
    "client_id": task.client_id,
    "metadata_max_age_ms": 2000,
    "reconnect_backoff_ms": 20,
    "reconnect_backoff_max_ms": 500,
    "request_timeout_ms": 12000,
    "retry_backoff_ms": 50,
}


def opened(make):
    """The constructor asks a broker for its version, and gives up soon."""
    while True:
        try:
            return make()
        except Exception as error:
            answer(**{"is": "trouble", "error": error_text(error)})


def produce():
    # One request in flight keeps the order through retries: this client knows no idempotence.
    client = opened(
        lambda: KafkaProducer(
            acks="all",
            retries=10 ** 9,
            max_in_flight_requests_per_connection=1,
            linger_ms=5,
            max_block_ms=60000,
            **COMMON
        )
    )
    outstanding, lock, commands = set(), threading.Lock(), Commands()

    def ended(n, **what):
        with lock:
            outstanding.discard(n)
        answer(n=n, session=0, **what)

    def send(command):
        n, key = command["n"], command["key"]
        with lock:
            outstanding.add(n)
        try:
            future = client.send(
                command["topic"],
                value=decode(command["value"]),
                key=None if key is None else key.encode(),
                partition=command["partition"],
                timestamp_ms=command["timestamp"],
            )
        except Exception as error:
            return ended(n, **{"is": "unknown", "error": error_text(error)})
        future.add_callback(lambda m: ended(n, **{"is": "ok", "offset": m.offset}))
        future.add_errback(lambda e: ended(n, **{"is": "unknown", "error": error_text(e)}))

    answer(**{"is": "ready"})
    ending = False
    while not commands.has_ended and not (ending and not outstanding):
        for command in commands.read(0.05):
            if command["do"] == "send":
                send(command)
            elif command["do"] == "end":
                ending = True
    client.close(timeout=1)


def consume():
    client = opened(
        lambda: KafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=200,
            check_crcs=True,
            **COMMON
        )
    )
    parts = [
        TopicPartition(topic, partition)
        for topic, count in zip(task.topics, task.partitions)
        for partition in range(count)
    ]
    client.assign(parts)
    client.seek_to_beginning(*parts)

    def poll():
        out = []
        for part, messages in client.poll(timeout_ms=200, max_records=500).items():
            out.extend((part.topic, part.partition, m.offset, m.value) for m in messages)
        return out

    answer(**{"is": "ready"})
    serve(poll)
    client.close(autocommit=False)


(produce if task.role == "producer" else consume)()
