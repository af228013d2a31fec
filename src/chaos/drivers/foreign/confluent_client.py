"""python3-confluent-kafka (on librdkafka) as a process; lines.ts says what it is asked."""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from lines import Commands, Task, answer, decode, error_text, serve

task = Task(sys.argv)

COMMON = {
    "bootstrap.servers": task.bootstrap,
    "client.id": task.client_id,
    "topic.metadata.refresh.interval.ms": 2000,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "socket.timeout.ms": 10000,
}


def open_producer():
    return Producer(
        dict(
            COMMON,
            **{
                "enable.idempotence": task.idempotent,
                "acks": "all",
                "linger.ms": 5,
                "retry.backoff.ms": 50,
                # For ever, as far as a run goes.
                "message.timeout.ms": 24 * 3600 * 1000,
                "request.timeout.ms": 5000,
            }
        )
    )


def produce():
    client, session, commands = open_producer(), 0, Commands()
    fatal = []
    outstanding = set()

    def report(n, who):
        def done(error, message):
            outstanding.discard(n)
            if error is None:
                answer(**{"is": "ok", "n": n, "session": who, "offset": message.offset()})
                return
            if error.fatal():
                fatal.append(who)
            answer(**{"is": "unknown", "n": n, "session": who, "error": error_text(error)})

        return done

    def send(command):
        n = command["n"]
        key = command["key"]
        outstanding.add(n)
        while True:
            try:
                return client.produce(
                    command["topic"],
                    value=decode(command["value"]),
                    key=None if key is None else key.encode(),
                    partition=command["partition"],
                    timestamp=command["timestamp"],
                    on_delivery=report(n, session),
                )
            except BufferError:
                client.poll(0.05)
            except Exception as error:
                outstanding.discard(n)
                answer(**{"is": "fail", "n": n, "session": session, "error": error_text(error)})
                if client_is_dead(error):
                    fatal.append(session)
                return None

    answer(**{"is": "ready"})
    ending = False
    while not commands.has_ended and not (ending and not outstanding):
        for command in commands.read(0.005):
            if command["do"] == "send":
                send(command)
            elif command["do"] == "end":
                ending = True
        client.poll(0)
        if session in fatal:
            # An idempotent producer that has met what it cannot resolve sends no more.
            client.flush(2)
            client, session = open_producer(), session + 1
    client.flush(1)


def client_is_dead(error):
    return bool(error.args) and isinstance(error.args[0], KafkaError) and error.args[0].fatal()


def consume():
    client = Consumer(
        dict(
            COMMON,
            **{
                "group.id": task.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 200,
                "queued.min.messages": 1000,
                "check.crcs": True,
            }
        )
    )
    client.assign(
        [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic, count in zip(task.topics, task.partitions)
            for partition in range(count)
        ]
    )

    def poll():
        out = []
        for m in client.consume(500, 0.2):
            if m.error() is None:
                out.append((m.topic(), m.partition(), m.offset(), m.value()))
        return out

    answer(**{"is": "ready"})
    serve(poll)
    client.close()


(produce if task.role == "producer" else consume)()
